# SPDX-License-Identifier: MIT
#
# The whole build: `make help` lists the targets. There is no configure step; what can be set is set
# on the command line:
#   CC=gcc|clang  CFLAGS='-O2 -g'  WERROR=1  V=1  SANITIZE=address|undefined|thread|address,undefined
#   PREFIX=/usr/local  LIBDIR=$(PREFIX)/lib  DESTDIR=  BUILD=build
# Each component is "every .c in its directory", so adding a file needs no change here. Sanitizer and
# coverage builds have directories of their own beside build/, and never mix with it.

VERSION   := 0.1.0
SOVERSION := 0

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
# The program looks for them from where it is itself.
JOBDIR := $(BINDIR:/bin=)/share/tcmu-harness/jobs

comma := ,
BUILD ?= build$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))$(if $(COVERAGE),-coverage)

# One goal is built on all cores unless -j says otherwise; several goals (`make clean all`) run in
# the order given.
ifeq ($(MAKELEVEL)$(filter -j% --jobserver%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif
ifneq ($(word 2,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

# --- flags -------------------------------------------------------------------------------------

ifeq ($(origin CC),default)
CC := gcc
endif
PKG_CONFIG ?= pkg-config
CFLAGS     ?= $(if $(COVERAGE),-O0,-O2) -g

# pkg-config's answer for one library; the plain name where it has none.
pkg = $(shell $(PKG_CONFIG) --libs $(1) 2>/dev/null || echo $(2))

WARN       := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wvla \
	      $(if $(WERROR),-Werror)
INSTRUMENT := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all \
	      -fno-omit-frame-pointer) $(if $(COVERAGE),--coverage)
# Everything is position independent: the same objects serve the programs, libringsim.so and the
# mutants' shared objects.
ALL_CFLAGS := -std=gnu11 -fPIC -fno-semantic-interposition -pthread $(WARN) -Iringsim/include \
	      -D_GNU_SOURCE= $(CPPFLAGS) $(CFLAGS) $(INSTRUMENT)
ALL_LDFLAGS := -pthread $(INSTRUMENT) $(LDFLAGS)
HANDLER_LIBS := $(call pkg,liburing,-luring) -laio
DAEMON_LIBS  := $(call pkg,libnl-genl-3.0,-lnl-genl-3 -lnl-3)
DAEMON_CFLAGS := $(shell $(PKG_CONFIG) --cflags libnl-genl-3.0 2>/dev/null || \
	      echo -I/usr/include/libnl3)
WORLD_CFLAGS := $(shell $(PKG_CONFIG) --cflags fuse3 2>/dev/null || echo -I/usr/include/fuse3)
LIBS         := $(HANDLER_LIBS) $(call pkg,jansson,-ljansson) \
		$(call pkg,libiscsi,-liscsi) $(call pkg,libbpf,-lbpf) \
		$(call pkg,liblzma,-llzma) $(call pkg,fuse3,-lfuse3) -ldl -lm
CUNIT_LIBS   := $(call pkg,cunit,-lcunit)

Q   := $(if $(V),,@)
say  = $(if $(V),,@printf '  %-6s %s\n' $(1) $(2))

# --- sources -----------------------------------------------------------------------------------

HARNESS_PARTS := consumer handlers clauses report target cases trace record check seat run fuzz \
		 fabric env

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

RINGSIM_OBJS := $(call obj,$(wildcard ringsim/*.c))
# What unmodified programs see around a simulated device; no part of libringsim.
WORLD_OBJS   := $(call obj,$(wildcard ringsim/world/*.c))
PRELOAD_OBJS := $(call obj,$(wildcard ringsim/world/preload/*.c))
# What a handler is made of, without a main(): linked into programs, and into every mutant.
HANDLER_OBJS := $(call obj,$(filter-out harness/handlers/main.c,\
		$(wildcard harness/consumer/*.c harness/handlers/*.c)))
# What only the program tcmu-handler needs: finding devices, serving several, netlink.
DAEMON_OBJS  := $(call obj,$(wildcard harness/handlers/daemon/*.c))
# All of the harness without its mains: what unit tests may link.
HARNESS_OBJS := $(call obj,$(filter-out harness/main.c harness/handlers/main.c \
		harness/fuzz/libfuzzer.c,\
		$(wildcard harness/*.c bench/*.c $(HARNESS_PARTS:%=harness/%/*.c))))

# The simulator once more, and who plays hostile handlers on it, who act between any two of its
# accesses to the region: one object, of whose names only hostile_run is visible.
HOOKED_OBJS  := $(patsubst %.c,$(BUILD)/hooked/%.o,$(wildcard ringsim/*.c))
HOSTILE_OBJS := $(HOOKED_OBJS) $(call obj,$(wildcard harness/fuzz/hostile/*.c))
HARNESS_OBJS += $(BUILD)/hostile.o

TEST_DIRS    := ringsim/tests ringsim/world/tests harness/tests bench/tests \
		$(HARNESS_PARTS:%=harness/%/tests)
TEST_SRCS    := $(sort $(wildcard $(TEST_DIRS:%=%/test_*.c)))
TEST_HELPERS := $(call obj,$(filter-out $(TEST_SRCS),$(wildcard $(TEST_DIRS:%=%/*.c))))
TEST_SCRIPTS := $(sort $(wildcard harness/tests/*.sh bench/tests/*.sh) ci/tests/nightly.sh)
TESTS        := $(patsubst %.c,$(BUILD)/tests/%,$(notdir $(TEST_SRCS)))
MUTANTS      := $(patsubst harness/mutants/%.mutant,$(BUILD)/mutants/%.so,\
		$(sort $(wildcard harness/mutants/*.mutant)))
FIO_JOBS     := $(wildcard bench/jobs/*.fio bench/jobs/*.inc)
MAN_PAGES    := $(wildcard harness/man/*.[178])

ifneq ($(words $(TESTS)),$(words $(sort $(TESTS))))
$(error two unit tests have the same file name: $(sort $(notdir $(TEST_SRCS))))
endif

# Groups of scenarios come from the file names: `make run_data` runs scenarios/NNN-data-*.
SCENARIO_GROUPS := $(sort $(foreach s,$(notdir $(wildcard scenarios/[0-9][0-9][0-9]-*)),\
		   $(word 2,$(subst -, ,$s))))

PROGRAMS := $(BUILD)/tcmu-harness $(BUILD)/tcmu-handler
SCRIPTS  := scenarios/tcmu-export
PRELOAD  := $(BUILD)/tcmu-world.so
LIBRARY  := $(BUILD)/libringsim.a $(BUILD)/libringsim.so $(BUILD)/ringsim.pc

.PHONY: all bench bench-instructions bench-kernel tests examples mutant-objects test conformance fidelity scenarios mutants coverage valgrind asan tsan model lint handlers fuzz ringtest \
	kmod-test vm-test install uninstall help clean FORCE $(SCENARIO_GROUPS:%=run_%)
.DELETE_ON_ERROR:
.SECONDARY:

all: $(PROGRAMS) $(LIBRARY) $(PRELOAD) ## Build the programs and the library into build/
tests: $(TESTS)
mutant-objects: $(MUTANTS)

# --- building ----------------------------------------------------------------------------------

# Taken in as they are.
$(call obj,harness/fabric/generate.c): $(wildcard harness/fabric/templates/*)

# Holds the compiler and its flags; newer than the objects when they changed.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D); echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' >$@.new; \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# What results of benchmarks say of the program; not in any archive, or else every commit would link
# every test anew.
quoted = $(subst ',,$(subst ",\",$(subst \,\\,$(1))))
$(BUILD)/built.c: $(BUILD)/flags FORCE
	@mkdir -p $(@D); { printf 'const char built_%s[] = "%s";\n' version '$(VERSION)' \
		commit "$$(git describe --always --dirty 2>/dev/null)" \
		flags '$(call quoted,$(filter-out $(WARN),$(ALL_CFLAGS) $(LDFLAGS)))'; } >$@.new; \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
$(BUILD)/built.o: $(BUILD)/built.c
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/libdir: FORCE
	@mkdir -p $(@D); echo '$(LIBDIR)' | cmp -s - $@ || echo '$(LIBDIR)' >$@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(HOOKED_OBJS): ALL_CFLAGS := $(filter-out --coverage,$(ALL_CFLAGS))
$(BUILD)/hooked/%.o: %.c $(BUILD)/flags
	$(call say,CC,"$< (hooked)")
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -include harness/fuzz/hostile/hook.h -MMD -MP -c -o $@ $<

$(BUILD)/hostile.o: $(HOSTILE_OBJS)
	$(call say,LD,$@)
	$(Q)$(CC) -r -nostdlib -o $@ $^ && objcopy --keep-global-symbol=hostile_run $@

$(BUILD)/libringsim.a: $(RINGSIM_OBJS)
$(BUILD)/libworld.a: $(WORLD_OBJS)
$(BUILD)/libhandler.a: $(HANDLER_OBJS)
$(BUILD)/libdaemon.a: $(DAEMON_OBJS)
$(BUILD)/libharness.a: $(HARNESS_OBJS)
$(BUILD)/libtesting.a: $(TEST_HELPERS)
$(BUILD)/lib%.a:
	$(call say,AR,$@)
	@mkdir -p $(@D); rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/libringsim.so: $(RINGSIM_OBJS) ringsim/libringsim.map
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,libringsim.so.$(SOVERSION) $(if $(SANITIZE),,-Wl,-z,defs) \
		-Wl,--version-script=ringsim/libringsim.map $(RINGSIM_OBJS) $(ALL_LDFLAGS) -o $@

# Preloaded into programs where nothing else may look at their system calls.
$(BUILD)/tcmu-world.so: $(PRELOAD_OBJS)
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-z,defs -Wl,-z,nodelete $(PRELOAD_OBJS) -pthread $(LDFLAGS) -ldl -o $@

# Always written: PREFIX may have changed since the last time.
$(BUILD)/ringsim.pc: ringsim/ringsim.pc.in FORCE
	@mkdir -p $(@D); sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
		-e 's|@INCDIR@|$(INCDIR)|' -e 's|@VERSION@|$(VERSION)|' $< >$@

link = $(Q)$(CC) $(filter %.o,$^) $(filter %.a,$^) $(ALL_LDFLAGS)

$(BUILD)/tcmu-harness: $(call obj,harness/main.c) $(BUILD)/built.o $(HARNESS_OBJS) $(BUILD)/libworld.a \
		$(BUILD)/libringsim.a
	$(call say,LD,$@)
	$(link) $(LIBS) -o $@

$(WORLD_OBJS) $(call obj,$(wildcard ringsim/world/tests/*.c)): ALL_CFLAGS += $(WORLD_CFLAGS)
# Where it is installed to; compiled again when that changes.
$(call obj,ringsim/world/preload.c): ALL_CFLAGS += -DWORLD_LIBDIR='"$(LIBDIR)"'
$(call obj,ringsim/world/preload.c): $(BUILD)/libdir
# It gets into programs that know nothing of sanitizers.
$(PRELOAD_OBJS): ALL_CFLAGS := $(filter-out $(INSTRUMENT),$(ALL_CFLAGS)) -fvisibility=hidden
$(call obj,harness/handlers/daemon/netlink.c): ALL_CFLAGS += $(DAEMON_CFLAGS)

$(BUILD)/tcmu-handler: $(call obj,harness/handlers/main.c) $(DAEMON_OBJS) $(HANDLER_OBJS) \
		$(BUILD)/libringsim.a
	$(call say,LD,$@)
	$(link) $(HANDLER_LIBS) $(DAEMON_LIBS) -o $@

# A test links archives, so that it may include the source it tests and replace what that calls.
$(foreach t,$(TEST_SRCS),$(eval $(BUILD)/tests/$(basename $(notdir $t)): $(call obj,$t)))
$(TESTS): $(BUILD)/libtesting.a $(BUILD)/libharness.a $(BUILD)/libworld.a $(BUILD)/libringsim.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(link) $(CUNIT_LIBS) $(LIBS) -o $@

# Compile the changed source of the mutant $< into the directory $(1), as $$out.
mutate = src=$$(sed -n 's/^file:[[:blank:]]*//p' $<); out=$(1)/$$(basename "$${src%.c}").o; \
	awk -f harness/mutants/mutate.awk $< >"$${out%.o}.c" && \
	$(CC) $(ALL_CFLAGS) -O1 -w -iquote "$$(dirname "$$src")" -c -o "$$out" "$${out%.o}.c"

# One mutant: the changed source is compiled and linked in front of libhandler.a, whose own copy of
# that file then has nothing left to offer and stays out. The description goes beside the result.
$(BUILD)/mutants/%.so: harness/mutants/%.mutant harness/mutants/mutate.awk \
		$(BUILD)/libhandler.a $(BUILD)/libringsim.a
	$(call say,MUTANT,$*)
	$(Q)rm -rf $(@:.so=) $@ && mkdir -p $(@:.so=) && cp $< $(@D)/
	$(Q)$(call mutate,$(@:.so=)) && \
	$(CC) -shared -Wl,-Bsymbolic -Wl,-u,tcmu_handler_api "$$out" \
		$(filter %.a,$^) $(ALL_LDFLAGS) $(HANDLER_LIBS) -o $@

# The same as a program, for scenarios: `make build/broken/doorbell-missing`.
$(BUILD)/broken/%: harness/mutants/%.mutant harness/mutants/mutate.awk \
		$(call obj,harness/handlers/main.c) $(BUILD)/libdaemon.a $(BUILD)/libhandler.a \
		$(BUILD)/libringsim.a
	$(call say,BROKEN,$*)
	$(Q)mkdir -p $@.d && $(call mutate,$@.d) && \
	$(CC) "$$out" $(filter %.o,$^) $(filter %.a,$^) $(ALL_LDFLAGS) $(HANDLER_LIBS) $(DAEMON_LIBS) -o $@

# Handlers to start from, each on its own: nothing of the harness is in them.
EXAMPLES := $(BUILD)/examples/design $(BUILD)/examples/sketch $(BUILD)/examples/filedisk
examples: $(EXAMPLES) ## Build the example handlers; the one in Go only where there is go
$(BUILD)/examples/design $(BUILD)/examples/sketch: $(BUILD)/examples/%: \
		$(addprefix harness/examples/design/,%.c disk.c disk.h) $(BUILD)/flags
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(filter %.c,$^) $(ALL_LDFLAGS) -o $@

$(BUILD)/examples/filedisk: $(wildcard harness/examples/go/*.go) harness/examples/go/go.mod
ifneq ($(shell command -v go),)
	$(call say,GO,$@)
	@mkdir -p $(@D)
	$(Q)cd $(<D) && CGO_ENABLED=0 GOFLAGS='-buildvcs=false -trimpath' \
		GOCACHE=$(abspath $(BUILD))/go-cache go build -o $(abspath $@)
else
	@echo "  SKIP   $@: there is no go here (Debian: golang-go)"
endif

# --- checking ----------------------------------------------------------------------------------

# Scripts under test find the programs through BUILD.
RUN_TESTS = BUILD=$(abspath $(BUILD)) ci/run-tests.sh $(if $(V),-v)
CHECK     = $(BUILD)/tcmu-harness check

# Mutants that kept fuzz programs must be found in; see harness/tests/fuzz.sh.
KEPT_MUTANTS := $(sort $(shell sed -n 's/^. mutant: *//p' $(wildcard harness/fuzz/regress/*.fuzz) </dev/null))

test: all tests $(KEPT_MUTANTS:%=$(BUILD)/mutants/%.so) ## Unit tests, script tests and the memory handler's conformance
	@$(RUN_TESTS) $(TESTS) $(TEST_SCRIPTS) '$(CHECK) --handler memory --tap'
unit: all tests ## The same without the scripts
	@$(RUN_TESTS) $(TESTS) '$(CHECK) --handler memory --tap'

# With KERNELS or MODULES said, the memory handler on the simulator and on those kernels, side by side;
# INITIATOR is iscsi, probe or iscsi,probe.
conformance: all ## Check the reference handlers, clause by clause; KERNELS="6.1 6.12": real ones, too
ifeq ($(filter command environment,$(firstword $(origin KERNELS)) $(firstword $(origin MODULES))),)
	@$(CHECK) --handler memory,psync,libaio,io_uring
else
	@BUILD=$(abspath $(BUILD)) ci/conformance $(WITH_MODULES) $(INITIATOR:%=--initiator %) $(KERNELS)
endif

fidelity: all ## Replay every recording of a real kernel on the simulator
	@$(BUILD)/tcmu-harness trace replay $(sort $(wildcard results/traces/*.txt results/traces/*.xz))

mutants: all mutant-objects ## Check that every broken handler is caught
	@rm -f $(filter-out $(MUTANTS),$(wildcard $(BUILD)/mutants/*.so))
	@$(CHECK) --mutants $(BUILD)/mutants

# Findings are in FUZZ_SAVE, shrunk, as programs for `tcmu-harness replay`.
FUZZ_TIME    ?= 60
FUZZ_HANDLER ?= memory,psync,libaio,io_uring
FUZZ_SEED    ?= 1
FUZZ_SAVE    ?= $(BUILD)/fuzz
FUZZ_OPTIONS ?=
fuzz: all ## Fuzz the reference handlers, FUZZ_TIME=60 seconds each; FUZZ_SEED=1, FUZZ_HANDLER=LIST; COVERAGE=1: lines reached
	@$(BUILD)/tcmu-harness fuzz --handler $(FUZZ_HANDLER) --time $(FUZZ_TIME) --seed $(FUZZ_SEED) \
		--jobs $(shell nproc) --save $(FUZZ_SAVE) $(FUZZ_OPTIONS)
	$(if $(COVERAGE),@gcovr --root . --filter ringsim/ --filter harness/consumer/ --filter harness/handlers/ \
		--print-summary $(BUILD) | grep -v '^-')

# The result is kept, and a page that shows it; BENCH=full runs the long list of workloads and counts instructions.
BENCH         ?=
BENCH_JSON    ?= $(BUILD)/bench.json
BENCH_HTML    ?= $(BUILD)/bench.html
BENCH_HISTORY ?= results/bench/history.jsonl
BENCH_OPTIONS ?=
bench: all ## Measure what a command costs, layer by layer; BENCH=full: all workloads; KERNELS="6.1 6.12": real ones, too
	@$(BUILD)/tcmu-harness bench $(if $(filter full,$(BENCH)),--full --instructions) \
		--json $(BENCH_JSON) --html $(BENCH_HTML) \
		$(addprefix --history ,$(wildcard $(BENCH_HISTORY))) $(BENCH_OPTIONS)
	@echo 'The result is in $(BENCH_JSON), a page that shows it in $(BENCH_HTML).'
ifneq ($(filter command environment,$(firstword $(origin KERNELS))),)
	@$(bench_kernel)
endif

# In machines of their own; results are $(BUILD)/bench/kernel-NAME.json.
KERNEL_BENCH_OPTIONS ?=
bench_kernel = BUILD=$(abspath $(BUILD)) bench/kernel $(if $(filter full,$(BENCH)),--full) \
	--out $(BUILD)/bench $(KERNEL_BENCH_OPTIONS) $(KERNELS)
bench-kernel: all ## The data path on real kernels: KERNELS='6.1 6.12'; BENCH=full: all workloads
	@$(bench_kernel)

ringtest: all ## The ring beside those of the kernel's ring benchmark, built from its source package
	@BUILD=$(BUILD) bench/ringtest

bench-instructions: all ## Count instructions per command, and fail if they are 2 % more than they were
	@BUILD=$(abspath $(BUILD)) bench/instructions

# What ci/kmod built, and for which kernels.
WITH_MODULES   = $(if $(MODULES),--modules '$(MODULES)')
KERNELS       ?= $(or $(if $(MODULES),$(shell sed -n 's/^kernel\t//p' '$(MODULES)'/kmod-*.txt 2>/dev/null)),6.1 6.12)
SCENARIO_JOBS ?= 1
SCENARIO_OUT  ?= $(BUILD)/scenarios
RUN_SCENARIOS  = BUILD=$(abspath $(BUILD)) scenarios/run --kernel '$(KERNELS)' \
		 --jobs $(SCENARIO_JOBS) --out $(SCENARIO_OUT) $(WITH_MODULES)
scenarios: all ## Real kernels: every scenario on each of KERNELS='6.1 6.12'; MODULES=DIR: what ci/kmod built
	@$(RUN_SCENARIOS)
$(SCENARIO_GROUPS:%=run_%): run_%: all
	@$(RUN_SCENARIOS) $*

# A line of the library that no test reaches fails; GCOVR_EXCL_LINE marks allocation failures.
GCOVR = gcovr --root . --filter ringsim/ --exclude ringsim/world/ --exclude '.*/tests/' build-coverage
coverage: ## Line and branch coverage of the library; every line must be reached
	@rm -rf build-coverage
	@$(MAKE) --no-print-directory COVERAGE=1 SANITIZE= BUILD=build-coverage CC=gcc unit
	@$(GCOVR) --branches --txt
	@$(GCOVR) --txt --print-summary --fail-under-line 100

VALGRIND       ?= valgrind -q --leak-check=full --error-exitcode=99 --fair-sched=yes
VALGRIND_CASES ?= *
# valgrind knows neither what the kernel writes for io_uring and AIO nor maps 2 TiB nor makes namespaces,
# nor openat2(); and the vandal of test_hostile stores whatever its memory holds.
VALGRIND_TESTS  = $(filter-out %/test_store %/test_scsi %/test_hostile %/test_calls %/test_genl \
		  %/test_genl_programs %/test_tree_files %/test_system %/test_depmod,$(TESTS))
valgrind: all tests ## Most unit tests and the memory handler under valgrind
	@$(RUN_TESTS) -t 600 -w '$(VALGRIND)' $(VALGRIND_TESTS) \
		'$(CHECK) --handler memory --tap --case $(VALGRIND_CASES)'

asan: ## make test under AddressSanitizer and UBSan
	@$(MAKE) --no-print-directory SANITIZE=address,undefined test
tsan: ## make unit under ThreadSanitizer
	@$(MAKE) --no-print-directory SANITIZE=thread unit

# ci/vm is what real-kernel results rest on: kernels that die, machines that lack something.
vm-test: all ## Check that ci/vm mistakes no dead kernel for a healthy one
	@ci/run-tests.sh -t 600 $(if $(V),-v) ci/tests/vm.sh
# What ci/kmod makes, and that a patched driver no longer has what the patch is for.
kmod-test: all ## Check that target modules are built, packed and taken; boots 6.1 three times
	@ci/run-tests.sh -t 1200 $(if $(V),-v) ci/tests/kmod.sh

model: ## Let spin try every interleaving of head, tail, event and doorbell
	@harness/model/check

handlers: all examples ## Judge real handlers and write results/handlers anew
	@BUILD=$(BUILD) harness/examples/judge

lint: ## Format, static analysis, shell scripts, spelling, file length
	@ci/lint.sh

# --- fuzzing by coverage -------------------------------------------------------------------------

# The entry of harness/fuzz/libfuzzer.c with an engine, in a build directory of its own. Corpus and what
# breaks it stay there; `$(BUILD)/tcmu-fuzz FILE` tells.
FUZZ_ENGINE ?= -DFUZZ_STANDALONE
FUZZ_TIME   ?= 60
$(BUILD)/tcmu-fuzz: harness/fuzz/libfuzzer.c $(HARNESS_OBJS) $(BUILD)/libworld.a \
		$(BUILD)/libringsim.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(FUZZ_ENGINE) $(filter %.c,$^) $(filter %.o,$^) $(filter %.a,$^) \
		$(ALL_LDFLAGS) $(LIBS) -o $@

.PHONY: fuzz-libfuzzer fuzz-afl
fuzz-libfuzzer: ## Fuzz by coverage with libFuzzer for FUZZ_TIME=60 seconds
	@$(MAKE) --no-print-directory BUILD=build-libfuzzer CC=clang FUZZ_ENGINE=-fsanitize=fuzzer \
		SANITIZE=fuzzer-no-link,address,undefined build-libfuzzer/tcmu-fuzz
	@mkdir -p build-libfuzzer/corpus
	build-libfuzzer/tcmu-fuzz -max_total_time=$(FUZZ_TIME) -max_len=4128 -timeout=10 \
		-artifact_prefix=build-libfuzzer/ build-libfuzzer/corpus harness/fuzz/seeds

fuzz-afl: ## Fuzz by coverage with AFL++ for FUZZ_TIME=60 seconds
	@$(MAKE) --no-print-directory BUILD=build-afl CC=afl-clang-fast FUZZ_ENGINE=-fsanitize=fuzzer \
		build-afl/tcmu-fuzz
	AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 afl-fuzz \
		-V $(FUZZ_TIME) -i harness/fuzz/seeds -o build-afl/out -- build-afl/tcmu-fuzz

# --- installing --------------------------------------------------------------------------------

D = $(DESTDIR)
SO_REAL := libringsim.so.$(VERSION)
install: all ## Install below PREFIX (DESTDIR is put in front)
	install -d $(D)$(BINDIR) $(D)$(LIBDIR)/pkgconfig $(D)$(INCDIR)/ringsim
	install -m 755 $(PROGRAMS) $(SCRIPTS) $(D)$(BINDIR)
	install -m 644 ringsim/include/ringsim/*.h $(D)$(INCDIR)/ringsim
	install -m 644 $(BUILD)/libringsim.a $(D)$(LIBDIR)
	install -m 644 $(BUILD)/libringsim.so $(D)$(LIBDIR)/$(SO_REAL)
	ln -sf $(SO_REAL) $(D)$(LIBDIR)/libringsim.so.$(SOVERSION)
	ln -sf libringsim.so.$(SOVERSION) $(D)$(LIBDIR)/libringsim.so
	install -m 644 $(BUILD)/ringsim.pc $(D)$(LIBDIR)/pkgconfig
	install -d $(D)$(LIBDIR)/tcmu-harness
	install -m 755 $(PRELOAD) $(D)$(LIBDIR)/tcmu-harness
	install -d $(D)$(MANDIR)/man1 $(D)$(MANDIR)/man7 $(D)$(MANDIR)/man8
	install -m 644 $(filter %.1,$(MAN_PAGES)) $(D)$(MANDIR)/man1
	install -m 644 $(filter %.7,$(MAN_PAGES)) $(D)$(MANDIR)/man7
	install -m 644 $(filter %.8,$(MAN_PAGES)) $(D)$(MANDIR)/man8
	install -d $(D)$(JOBDIR)
	install -m 644 $(FIO_JOBS) $(D)$(JOBDIR)

uninstall: ## Remove what install put there
	rm -f $(addprefix $(D)$(BINDIR)/,$(notdir $(PROGRAMS) $(SCRIPTS))) $(D)$(LIBDIR)/pkgconfig/ringsim.pc
	rm -f $(addprefix $(D)$(LIBDIR)/,libringsim.a libringsim.so libringsim.so.$(SOVERSION) $(SO_REAL))
	rm -f $(foreach page,$(MAN_PAGES:harness/man/%=%),$(D)$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(page))
	rm -f $(patsubst ringsim/include/%,$(D)$(INCDIR)/%,$(wildcard ringsim/include/ringsim/*.h))
	rm -f $(PRELOAD:$(BUILD)/%=$(D)$(LIBDIR)/tcmu-harness/%)
	rm -f $(FIO_JOBS:bench/jobs/%=$(D)$(JOBDIR)/%)
	-rmdir $(D)$(INCDIR)/ringsim $(D)$(LIBDIR)/tcmu-harness $(D)$(JOBDIR) $(D)$(JOBDIR:/jobs=)

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@sed -n '/^# on the command line/,/^#   PREFIX/s/^#  */  /p' Makefile

clean: ## Remove build/ and its siblings
	rm -rf $(BUILD) build build-*/

-include $(patsubst %.o,%.d,$(HOSTILE_OBJS) $(RINGSIM_OBJS) $(WORLD_OBJS) $(PRELOAD_OBJS) $(HARNESS_OBJS) $(TEST_HELPERS) $(call obj,\
	$(TEST_SRCS) harness/main.c harness/handlers/main.c) $(DAEMON_OBJS))
