#!/bin/bash
# What `labrun run runc-lifecycle` does, as a person would script it: the very commands that the lab shows, in a fresh
# sandbox. It judges nothing. Run it as: bench/runc-lifecycle.sh [runc|crun]
set -eu
if [ "${1:-}" != inside ]; then
    exec unshare --user --map-root-user --net --mount --pid --fork --uts --ipc --cgroup --kill-child \
        "$0" inside "${1:-runc}"
fi
runtime=$2

mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up
sysctl -qw net.ipv4.ip_forward=0

bundle=/tmp/c1 config=/tmp/c1/config.json

# bundle
mkdir -p $bundle && "$runtime" spec --bundle $bundle
mkdir -p $bundle/rootfs/bin
cp /usr/bin/busybox $bundle/rootfs/bin/
chroot $bundle/rootfs /bin/busybox --install -s /bin
jq '.process.args = ["sleep", "1000"]' $config > $config.new && mv $config.new $config
jq '.process.terminal = false' $config > $config.new && mv $config.new $config

# one-id
jq '(.mounts[] | select(.destination == "/dev/pts") | .options) -= ["gid=5"]' $config > $config.new && mv $config.new $config

# create
"$runtime" create --bundle $bundle --pid-file /run/c1.pid c1 < /dev/null > /dev/null 2>&1

# start
"$runtime" start c1

# exec
"$runtime" exec --detach c1 sleep 2000 < /dev/null > /dev/null 2>&1

# kill
"$runtime" kill c1 KILL
until "$runtime" state c1 | grep -q '"stopped"'; do :; done

# delete
"$runtime" delete c1
