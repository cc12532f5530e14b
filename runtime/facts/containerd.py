"""Where containerd keeps what it knows, in a lab that starts one (runtime/oci/shim/containerd.py)."""

from __future__ import annotations

HOME = "/run/containerd"
NAMESPACE = "default"  # of ctr(8): a word of containerd's own, no namespace of the kernel
RUNTIME_ROOT = f"{HOME}/runc/{NAMESPACE}"
