# SPDX-License-Identifier: GPL-2.0
"""What a distribution may take from a newer kernel, as edits of an older one's headers."""

from .machine import Failed

URING_CMD = """struct io_uring_cmd {
	struct file	*file;
	const void	*cmd;
	union {
		/* callback to defer completions to task context */
		void (*task_work_cb)(struct io_uring_cmd *cmd, unsigned);
		/* used for polled completion */
		void *cookie;
	};
	u32		cmd_op;
	u32		flags;
	u8		pdu[32]; /* available inline for free use */
};
"""

# By kernel: (header, what it says, what it says with the backport). Of a header that comes with
# it the kernel says nothing.
EDITS = {
    "6.1": [
        ("linux/eventfd.h", "__u64 eventfd_signal(struct eventfd_ctx *ctx, __u64 n);",
         "void eventfd_signal(struct eventfd_ctx *ctx);"),
        ("linux/iommu.h", "extern int iommu_map(struct iommu_domain *domain, "
         "unsigned long iova,\n\t\t     phys_addr_t paddr, size_t size, int prot);",
         "extern int iommu_map(struct iommu_domain *domain, unsigned long iova,\n"
         "\t\t     phys_addr_t paddr, size_t size, int prot, gfp_t gfp);"),
        ("linux/mm.h", "#endif /* _LINUX_MM_H */",
         "static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)\n"
         "{\n\tvma->vm_flags |= flags;\n}\n#endif /* _LINUX_MM_H */"),
        ("linux/dma-buf.h", "int dma_buf_vmap(struct dma_buf *dmabuf, struct iosys_map *map);",
         "int dma_buf_vmap(struct dma_buf *dmabuf, struct iosys_map *map);\n"
         "int dma_buf_vmap_unlocked(struct dma_buf *dmabuf, struct iosys_map *map);\n"
         "void dma_buf_vunmap_unlocked(struct dma_buf *dmabuf, struct iosys_map *map);"),
        ("linux/io_uring.h", URING_CMD, "#include <linux/io_uring/cmd.h>\n"),
        ("linux/io_uring/cmd.h", "", "#include <linux/fs.h>\n" +
         URING_CMD.replace("const void\t*cmd;", "const struct io_uring_sqe *sqe;")),
    ],
    "6.12": [
        ("linux/mm.h", "vm_fault_t vmf_insert_mixed(struct vm_area_struct *vma, "
         "unsigned long addr,\n\t\t\tpfn_t pfn);",
         "vm_fault_t vmf_insert_mixed(struct vm_area_struct *vma, unsigned long addr,\n"
         "\t\t\tunsigned long pfn);"),
        ("linux/dma-buf.h", "void (*move_notify)(struct dma_buf_attachment *attach);",
         "void (*invalidate_mappings)(struct dma_buf_attachment *attach);"),
        ("linux/dma-buf.h", "void dma_buf_move_notify(struct dma_buf *dma_buf);",
         "void dma_buf_invalidate_mappings(struct dma_buf *dma_buf);\n"
         "bool dma_buf_attach_revocable(struct dma_buf_attachment *attach);"),
        ("linux/vfio.h", "\tvoid\t(*detach_ioas)(struct vfio_device *vdev);",
         "\tvoid\t(*detach_ioas)(struct vfio_device *vdev);\n"
         "\tint\t(*match_token_uuid)(struct vfio_device *vdev, const uuid_t *uuid);"),
        ("linux/vfio_pci_core.h", "int vfio_pci_core_enable(struct vfio_pci_core_device *vdev);",
         "int vfio_pci_core_enable(struct vfio_pci_core_device *vdev);\n"
         "int vfio_pci_core_match_token_uuid(struct vfio_device *core_vdev,\n"
         "\t\t\t\t   const uuid_t *uuid);"),
        ("linux/pci.h", "\tunsigned int\tbroken_intx_masking:1;",
         "\tunsigned int\tnon_mappable_bars:1;\n\tunsigned int\tbroken_intx_masking:1;"),
    ],
}


def apply(kernel, folder):
    """Edit the headers in a directory."""
    for name, before, after in EDITS[kernel]:
        path = folder / "include" / name
        if not before and not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_text(after)
            continue
        text = path.read_text()
        if text.count(before) != 1:
            raise Failed(f"{name} of {kernel} does not say once: {before}")
        path.write_text(text.replace(before, after))
