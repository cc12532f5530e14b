"""What the kernel shows: one kind of fact a file, its frozen record and its reader. A Snapshot gathers them."""
