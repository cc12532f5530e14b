"""Programs as notes mention them: which names are commands, and which of them a lab cannot run."""

from __future__ import annotations

NETWORKING = frozenset((
    "ip", "bridge", "tc", "ss", "iptables", "ip6tables", "iptables-save", "iptables-restore", "iptables-nft",
    "iptables-legacy", "nft", "sysctl", "brctl", "ifconfig", "route", "arp", "arping", "netstat", "ethtool",
    "conntrack", "ping", "ping6", "traceroute", "tracepath", "tcpdump", "tshark", "nc", "ncat", "netcat", "socat",
    "curl", "wget", "dig", "nslookup", "host", "iperf", "iperf3", "nmap"))
CONTAINERS = frozenset((
    "runc", "crun", "conmon", "unshare", "nsenter", "lsns", "chroot", "pivot_root", "capsh", "umoci", "jq", "mount",
    "umount", "findmnt", "prlimit", "setpriv", "newuidmap", "newgidmap", "cgexec"))
ORDINARY = frozenset((
    "echo", "printf", "cat", "tee", "ls", "mkdir", "rmdir", "rm", "cp", "mv", "ln", "touch", "tar", "gzip", "gunzip",
    "chmod", "chown", "stat", "readlink", "grep", "sed", "awk", "head", "tail", "wc", "sort", "cut", "find", "xargs",
    "ps", "pstree", "pgrep", "kill", "pkill", "killall", "sleep", "timeout", "env", "id", "whoami", "hostname",
    "uname", "date", "test", "[", "true", "false", "diff", "du", "df", "free", "lsmod", "modprobe", "dmesg", "strace",
    "sha256sum", "python3", "python", "perl", "busybox", "file", "which", "sh", "bash", "seq", "nohup", "setsid",
    "taskset", "dd"))
BUILTINS = frozenset((
    "cd", "export", "set", "unset", "source", ".", ":", "eval", "exec", "exit", "read", "wait", "alias", "ulimit",
    "umask", "for", "while", "until", "if", "case", "{", "(", "trap", "type", "command", "history", "logout", "clear",
    "pwd"))
DAEMONS = frozenset((
    "docker", "dockerd", "docker-compose", "podman", "buildah", "nerdctl", "ctr", "crictl", "containerd", "kubectl",
    "minikube", "kind", "systemctl", "service", "journalctl", "lxc", "virsh", "vagrant"))
DOWNLOADERS = frozenset((
    "apt", "apt-get", "yum", "dnf", "apk", "pacman", "zypper", "brew", "snap", "pip", "pip3", "npm", "go", "cargo",
    "git", "skopeo", "scp", "rsync", "dhclient", "dhcpcd", "ssh", "telnet"))
INTERACTIVE = frozenset((
    "vi", "vim", "nvim", "nano", "emacs", "less", "more", "man", "top", "htop", "tmux", "screen", "su", "login",
    "passwd", "visudo", "wireshark"))
STOPPING = frozenset(("reboot", "shutdown", "poweroff", "halt", "mkfs", "fdisk", "parted", "wipefs", "shred"))
ASKING_HOSTS = frozenset((
    "ping", "ping6", "curl", "wget", "traceroute", "tracepath", "dig", "nslookup", "host", "nc", "ncat", "netcat"))
SHELLS = frozenset(("sh", "bash", "zsh", "ash", "dash"))

ALL = (NETWORKING | CONTAINERS | ORDINARY | BUILTINS | DAEMONS | DOWNLOADERS | INTERACTIVE | STOPPING
       | frozenset(("sudo", "watch", "doas")))
WITH_SUBCOMMANDS = frozenset(("runc", "crun", "nft", "bridge", "tc", "umoci")) | DAEMONS
