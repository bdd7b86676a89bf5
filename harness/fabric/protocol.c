/* SPDX-License-Identifier: MIT */
/*
 * The protocols that modules can be generated for.
 *
 * Names of initiator ports matter beyond their looks: the target core makes TransportIDs for
 * persistent reservations from them (SPC-4 7.6.4) and finds ports by the names it makes from
 * TransportIDs that it receives, by the protocol identifier of the portal group. So a generated
 * module takes names in the core's own spelling only; for identifiers without TransportID in the
 * core, PERSISTENT RESERVE IN leaves the port out and OUT refuses it.
 */
#include "fabric.h"

#include <strings.h>

static const struct fabric_protocol protocols[] = {
	{
		.name = "FC",
		.title = "Fibre Channel",
		.id = "SCSI_PROTOCOL_FCP",
		.flags = "colons",
		.names = "8 bytes in hexadecimal, separated by colons, in lower case",
		.target = "20:00:00:1b:21:00:00:01",
		.initiator = "20:00:00:1b:21:00:00:02",
		.initiator_acl = "20:00:00:1b:21:00:00:02",
		.transport_id = "24 bytes, identifier 0h, the N_Port_Name in bytes 8 to 15",
	},
	{
		.name = "SAS",
		.title = "Serial Attached SCSI",
		.id = "SCSI_PROTOCOL_SAS",
		.flags = "naa",
		.names = "naa. and 16 hexadecimal digits in lower case",
		.target = "naa.5001405000000001",
		.initiator = "naa.5001405000000002",
		.initiator_acl = "naa.5001405000000002",
		.transport_id = "24 bytes, identifier 6h, the SAS address in bytes 4 to 11",
	},
	{
		.name = "iSCSI",
		.title = "iSCSI",
		.id = "SCSI_PROTOCOL_ISCSI",
		.flags = "iscsi isid",
		.names =
			"iqn.YYYY-MM.DOMAIN[:TEXT] in lower case, eui. and 16 or naa. and 16 or 32 "
			"hexadecimal digits; a session's is followed by ,i,0x and an ISID of 12 "
			"hexadecimal digits",
		.target = "iqn.2003-01.org.example:target",
		.initiator = "iqn.2003-01.org.example:initiator,i,0x800000000001",
		.initiator_acl = "iqn.2003-01.org.example:initiator",
		.transport_id = "identifier 5h, format 01b: the name, ',i,0x', the ISID, a NUL and "
				"padding to 4 bytes",
	},
	{
		.name = "SRP",
		.title = "SCSI RDMA Protocol",
		.id = "SCSI_PROTOCOL_SRP",
		.flags = "srp",
		.names = "0x and 32 hexadecimal digits in lower case",
		.target = "0x00000000000000000002c90300000001",
		.initiator = "0x00000000000000000002c90300000002",
		.initiator_acl = "0x00000000000000000002c90300000002",
		.transport_id = "24 bytes, identifier 4h, the initiator port identifier in bytes 8 "
				"to 23",
	},
	{
		.name = "SBP",
		.title = "Serial Bus Protocol (IEEE 1394)",
		.id = "SCSI_PROTOCOL_SBP",
		.flags = "eui64",
		.names = "an EUI-64: 16 hexadecimal digits in lower case",
		.target = "0010100000000001",
		.initiator = "0010100000000002",
		.initiator_acl = "0010100000000002",
		.transport_id = "24 bytes, identifier 3h, the EUI-64 in bytes 8 to 15",
	},
	{
		.name = "ADT",
		.title = "Automation/Drive Interface Transport Protocol",
		.id = "SCSI_PROTOCOL_ADT",
		.flags = "naa",
		.names = "naa. and 16 hexadecimal digits in lower case",
		.target = "naa.5001405000000001",
		.initiator = "naa.5001405000000002",
		.initiator_acl = "naa.5001405000000002",
		.transport_id = "none: the target core knows none for identifier 7h",
	},
	{
		.name = "UAS",
		.title = "USB Attached SCSI",
		.id = "0x9",
		.flags = "naa",
		.names = "naa. and 16 hexadecimal digits in lower case",
		.target = "naa.5001405000000001",
		.initiator = "naa.5001405000000002",
		.initiator_acl = "naa.5001405000000002",
		.transport_id = "none: the target core knows none for identifier 9h",
	},
	{
		.name = "loop",
		.title = "an emulated port of SAS, Fibre Channel or iSCSI",
		.id = "SCSI_PROTOCOL_SAS",
		.flags = "loop naa colons iscsi",
		.names =
			"targets: naa.NAME for SAS, fc.NAME for Fibre Channel, iqn.NAME for iSCSI; "
			"initiators: a name of the target's protocol, without fc. in front",
		.target = "naa.5001405000000001",
		.initiator = "naa.5001405000000002",
		.initiator_acl = "naa.5001405000000002",
		.transport_id = "that of the protocol that the target's name is of",
	},
};

const struct fabric_protocol *fabric_protocol_at(size_t n)
{
	return n < sizeof(protocols) / sizeof(*protocols) ? &protocols[n] : NULL;
}

const struct fabric_protocol *fabric_protocol_find(const char *name)
{
	const struct fabric_protocol *p;

	for (size_t n = 0; (p = fabric_protocol_at(n)); n++)
		if (!strcasecmp(p->name, name))
			return p;
	return NULL;
}
