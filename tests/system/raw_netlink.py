"""A tool that labrun has never heard of: a program for any Python that makes a veth pair by netlink, byte by byte."""

from __future__ import annotations

# <linux/rtnetlink.h>, <linux/if_link.h>, <linux/veth.h>
PROGRAM = """
import socket, struct, sys

def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)

def name(text):
    return attribute(3, text.encode() + bytes(1))  # IFLA_IFNAME

def pair(near, far):
    nobody = struct.pack("=BxHiII", 0, 0, 0, 0, 0)  # struct ifinfomsg
    peer = attribute(1, nobody + name(far))  # VETH_INFO_PEER
    info = attribute(1, b"veth") + attribute(2, peer)  # IFLA_INFO_KIND, IFLA_INFO_DATA
    body = nobody + name(near) + attribute(18, info)  # IFLA_LINKINFO
    return struct.pack("=IHHII", 16 + len(body), 16, 0x605, 1, 0) + body  # RTM_NEWLINK, create, acknowledge

kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
kernel.send(pair(*sys.argv[1:]))
sys.exit(-struct.unpack_from("=i", kernel.recv(4096), 16)[0])
"""
