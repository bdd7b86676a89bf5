/* SPDX-License-Identifier: MIT */
/*
 * The simulator in a program of your own: a device, one command, whichever handler turns up.
 *
 *	cc -o embed embed.c $(pkg-config --cflags --libs ringsim)
 *	./embed /tmp/disk & tcmu-handler --store memory:64M --attach /tmp/disk
 *
 * The library has no thread and no clock: this loop is all there is. The command may be there
 * before the handler, who finds it when it attaches.
 */
#include <ringsim/attach.h>
#include <ringsim/device.h>
#include <stdio.h>

#define PATIENCE_MS 10000

static void on_event(void *ctx)
{
	ringsim_attach_event(*(struct ringsim_attach **)ctx);
}

int main(int argc, char **argv)
{
	static const struct ringsim_ops ops = { .event = on_event };
	struct ringsim_config config = RINGSIM_CONFIG_DEFAULT;
	struct ringsim_attach_info info = { "tcm-user/0/disk/any/x", 64 << 20, 512 };
	struct ringsim_attach *server = NULL;
	struct ringsim_uio uio = { 0 };
	char err[160], data[36] = { 0 };
	struct iovec sg = { data, sizeof(data) };
	struct ringsim_cmd inquiry = { .cdb = (const uint8_t[16]){ 0x12, 0, 0, 0, sizeof(data) },
				       .cdb_room = 16,
				       .dir = RINGSIM_FROM_DEVICE,
				       .data_len = sizeof(data),
				       .sg = &sg,
				       .sg_cnt = 1 };
	struct pollfd fds[RINGSIM_ATTACH_FDS];
	bool was_open = false;

	config.geo = (struct ringsim_geometry){ .ring_mb = 1, .data_area_mb = 1 };
	if (argc != 2 ||
	    ringsim_device_create(&uio.dev, &config, &ops, &server, err, sizeof(err)) ||
	    ringsim_attach_create(&server, &uio, argv[1], &info, err, sizeof(err))) {
		fprintf(stderr, "embed: %s\n", argc == 2 ? err : "expected the socket to make");
		return 2;
	}
	ringsim_submit(uio.dev, &inquiry);
	while (inquiry.outcome == RINGSIM_PENDING && uio.is_open >= was_open) {
		was_open = uio.is_open;
		if (poll(fds, ringsim_attach_pollfds(server, fds), PATIENCE_MS) == 0)
			break;
		ringsim_attach_service(server);
	}
	if (inquiry.outcome == RINGSIM_ANSWERED)
		printf("INQUIRY ended with status %02x: %.28s\n", inquiry.status, data + 8);
	else
		printf("INQUIRY was not answered\n");
	ringsim_attach_destroy(server);
	ringsim_device_destroy(uio.dev);
	return inquiry.outcome != RINGSIM_ANSWERED;
}
