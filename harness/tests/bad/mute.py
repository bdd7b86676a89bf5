#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Promises netlink replies, answers ADDED, starts the handler given, and never answers again."""
import socket
import struct
import subprocess
import sys

NETLINK_GENERIC, CTRL = 16, 16


def attrs(data):
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from('HH', data)
        found[kind & 0x3fff] = data[4:length]
        data = data[(length + 3) & ~3:]
    return found


def attr(kind, data):
    return struct.pack('HH', 4 + len(data), kind) + data + b'\0' * (-len(data) % 4)


def send(sock, family, cmd, version, body):
    head = struct.pack('BBH', cmd, version, 0) + body
    sock.send(struct.pack('IHHII', 16 + len(head), family, 1, 1, 0) + head)


sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
sock.bind((0, 0))
send(sock, CTRL, 3, 1, attr(2, b'TCM-USER\0'))
reply = attrs(sock.recv(65536)[20:])
family = struct.unpack('H', reply[1])[0]
group = struct.unpack('I', attrs(list(attrs(reply[7]).values())[0])[2])[0]
sock.setsockopt(270, 1, group)
send(sock, family, 7, 2, attr(9, b'\1'))  # SET_FEATURES
while True:
    message = sock.recv(65536)
    if struct.unpack_from('H', message, 4)[0] != family or message[16] != 1:
        continue  # no ADDED_DEVICE
    event = attrs(message[20:])
    subprocess.Popen(sys.argv[1:] + ['--uio', 'uio%d' % struct.unpack('I', event[2])[0]])
    send(sock, family, 4, 2, attr(7, struct.pack('i', 0)) + attr(8, event[8]))
