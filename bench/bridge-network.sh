#!/bin/bash
# What `labrun run bridge-network` does, as a person would script it: ip, iptables, sysctl and ping, in a fresh sandbox.
# The same commands in the same order and the same pings; it judges nothing else. SILENCE is how long a ping that must
# fail is given, the same time as labrun's. Run it as: bench/bridge-network.sh
set -u
SILENCE=${SILENCE:-0.1}

if [ "${1:-}" != inside ]; then
    exec unshare --user --map-root-user --net --mount --pid --fork --uts --ipc --cgroup --kill-child "$0" inside
fi

wrong() { echo "bench: $*" >&2; exit 1; }
answers() { "${@:2}" ping -q -c 1 -W 2 "$1" >/dev/null 2>&1 || wrong "$* got no answer"; }
silent() { "${@:2}" ping -q -c 1 -W "$SILENCE" "$1" >/dev/null 2>&1 && wrong "$* got an answer"; return 0; }
one() { ip netns exec container-1 "$@"; }
two() { ip netns exec container-2 "$@"; }

mount -t tmpfs tmpfs /run
mount -t proc proc /proc

# the starting world: a lab host that does not forward, and a host outside
ip link set lo up
sysctl -qw net.ipv4.ip_forward=0
ip netns add outside
ip link add eth0 index 16 type veth peer name eth0 netns outside
ip -n outside link set lo up
ip -n outside addr add 198.51.100.1/32 dev lo
ip -n outside addr add 203.0.113.1/24 dev eth0
ip -n outside link set eth0 up
ip addr add 203.0.113.2/24 dev eth0
ip link set eth0 up
ip route add default via 203.0.113.1

# namespace
ip netns add container-1

# veth
ip link add veth0 type veth peer name ceth0
ip link set ceth0 netns container-1
ip -n container-1 link set ceth0 up
ip -n container-1 addr add 192.168.0.2/24 dev ceth0
ip link set veth0 up
ip addr add 192.168.0.1/24 dev veth0
answers 192.168.0.2
answers 192.168.0.1 one

# second-container
ip netns add container-2
ip link add veth1 type veth peer name ceth1
ip link set ceth1 netns container-2
ip -n container-2 link set ceth1 up
ip -n container-2 addr add 192.168.0.3/24 dev ceth1
ip link set veth1 up
ip addr add 192.168.0.4/24 dev veth1
answers 192.168.0.2
silent 192.168.0.3
silent 192.168.0.4 two
silent 192.168.0.3 one

# bridge
ip link add name br0 type bridge
ip link set br0 up
ip addr add 192.168.0.1/24 dev br0
ip link set veth0 master br0
ip link set veth1 master br0
ip addr del 192.168.0.1/24 dev veth0
ip addr del 192.168.0.4/24 dev veth1
answers 192.168.0.2
answers 192.168.0.3
answers 192.168.0.2 two # first, for the script's good: it tells container-1 who 192.168.0.3 is, which asked in vain before
answers 192.168.0.3 one # and would wait for its next ARP request, most of a second
silent 203.0.113.2 one

# default-route
ip -n container-1 route add default via 192.168.0.1
ip -n container-2 route add default via 192.168.0.1
answers 203.0.113.2 one
answers 203.0.113.2 two
silent 198.51.100.1 one

# forwarding
sysctl -qw net.ipv4.ip_forward=1
silent 198.51.100.1 one

# wrong-subnet
iptables -t nat -A POSTROUTING -s 172.18.0.0/16 ! -o br0 -j MASQUERADE
silent 198.51.100.1 one

# masquerade
iptables -t nat -A POSTROUTING -s 192.168.0.0/24 ! -o br0 -j MASQUERADE
answers 198.51.100.1 one
answers 198.51.100.1 two
answers 192.168.0.3 one
