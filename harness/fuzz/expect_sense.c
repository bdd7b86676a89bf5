/* SPDX-License-Identifier: MIT */
/*
 * Sense data: its format, and which refusal it is.
 * Clauses: HND-033, HND-034, SCS-031 (D_SENSE), SCS-040.
 */
#include "expect_impl.h"

#define FIXED	   0x70
#define DESCRIPTOR 0x72
#define VALID	   0x80

static uint32_t which(uint8_t key, uint16_t asc)
{
	switch (key << 16 | asc) {
	case 0x52000:
		return E_OPCODE;
	case 0x52100:
		return E_LBA;
	case 0x52400:
		return E_CDB;
	case 0x52600:
		return E_LIST;
	case 0x51a00:
		return E_LIST_LEN;
	case 0x53900:
		return E_SAVE;
	case 0x72700:
		return E_WP;
	case 0xe1d00:
		return E_MISCOMPARE;
	default:
		break;
	}
	switch (key << 8 | asc >> 8) {
	case 0x204:
		return E_STOPPED;
	case 0x311:
		return E_READ;
	case 0x30c:
		return E_WRITE;
	case 0x628:
	case 0x629:
	case 0x62a:
		return E_ATTENTION;
	default:
		return E_OTHER;
	}
}

/* Fields of the fixed format that must not be used without reason. */
static void fixed(const struct seen *s, const uint8_t *p)
{
	if (p[7] < 10 || p[7] > TCMU_SENSE_BUFFERSIZE - 8)
		expect_wrong(s, "HND-033", "additional sense length: expected 10 to 88, found %u",
			     p[7]);
	if (p[2] & 0xe0)
		expect_wrong(s, "HND-033", "FILEMARK, EOM, ILI: 0x%02x", p[2]);
	if (!(p[0] & VALID) && be_get(p + 3, 4) != 0)
		expect_wrong(s, "HND-033", "INFORMATION 0x%08llx without VALID",
			     (unsigned long long)be_get(p + 3, 4));
}

/* Descriptors that end where the additional length says. */
static void descriptors(const struct seen *s, const uint8_t *p)
{
	uint32_t end = 8u + p[7], at = 8;

	if (p[0] & 0x80 || end > TCMU_SENSE_BUFFERSIZE) {
		expect_wrong(s, "HND-033",
			     "descriptor sense with byte 0 0x%02x and additional length %u", p[0],
			     p[7]);
		return;
	}
	while (at + 2 <= end)
		at += 2u + p[at + 1];
	if (at != end)
		expect_wrong(s, "HND-033", "sense descriptors end at %u, the sense at %u", at, end);
}

/* An error that has nothing to say there must not claim that it has. */
static void information(const struct seen *s, const uint8_t *p, uint8_t key)
{
	uint64_t info;
	bool valid = fuzz_sense_information(p, &info);

	if (valid && info == 0 && key != 0x0e && key != 0x03)
		expect_wrong(s, "HND-033", "sense %x/%04x: VALID without INFORMATION", key,
			     sense_asc(p));
	if (!valid && key == 0x0e && s->d->kind == FUZZ_K_CAW)
		expect_wrong(s, "SCS-030", "MISCOMPARE without INFORMATION");
}

uint32_t expect_sense(const struct seen *s)
{
	const uint8_t *p = s->c->io.sense;
	uint8_t code = p[0] & 0x7f, key = sense_key(p);
	uint16_t asc = sense_asc(p);
	bool descriptor = code >= DESCRIPTOR;

	if (!s->c->io.sense_valid || code < FIXED || code > DESCRIPTOR + 1) {
		expect_wrong(s, "HND-033",
			     "sense response code: expected 0x70 to 0x73, found 0x%02x", p[0]);
		return E_OTHER;
	}
	if (key == 0 || asc == 0) {
		expect_wrong(s, "HND-033", "CHECK CONDITION with sense %x/%04x", key, asc);
		return E_OTHER;
	}
	if (key == 2 && asc == 0x0800)
		expect_wrong(s, "HND-034",
			     "NOT READY 2/0800 is what UNKNOWN_OP becomes: it is for ring opcodes");
	if (descriptor)
		descriptors(s, p);
	else
		fixed(s, p);
	information(s, p, key);
	if (!expect_mode_may(s->e, s->c, MODE_D_SENSE, descriptor))
		expect_wrong(s, "SCS-031", "D_SENSE is %d, the sense response code 0x%02x",
			     !descriptor, code);
	if ((code & 1) && which(key, asc) != E_WRITE)
		expect_wrong(s, "SCS-040", "sense %x/%04x of another command: 0x%02x", key, asc,
			     code);
	for (uint32_t i = 8u + p[7]; s->e->facts.strict && i < TCMU_SENSE_BUFFERSIZE; i++) {
		if (p[i] != 0) {
			expect_wrong(s, "HND-033",
				     "sense byte %u behind %u valid ones: expected 0, found 0x%02x",
				     i, 8u + p[7], p[i]);
			break;
		}
	}
	return which(key, asc);
}

void expect_request_sense(const struct seen *s, const uint8_t *p, uint32_t n)
{
	bool descriptor = s->c->io.cdb[1] & 1;
	uint8_t key, want = descriptor ? DESCRIPTOR : FIXED;
	uint32_t refusal;

	if (n == 0)
		return;
	if ((p[0] & 0x7e) != want || (!descriptor && n > 7 && p[7] < 10)) {
		expect_wrong(s, "SCS-030",
			     "DESC %d: expected response code 0x%02x, found 0x%02x, additional "
			     "length %u",
			     descriptor, want, p[0], n > 7 ? p[7] : 0);
		return;
	}
	if (n < (descriptor ? 4u : 14u))
		return;
	key = sense_key(p);
	refusal = which(key, sense_asc(p));
	if (refusal == E_ATTENTION && s->e->attentions > 0)
		s->e->attentions--;
	else if (key != 0 || (sense_asc(p) != 0 && s->e->facts.strict))
		expect_wrong(s, "SCS-030", "expected NO SENSE, found %x/%04x", key, sense_asc(p));
}
