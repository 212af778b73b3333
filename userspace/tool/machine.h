/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_MACHINE_H
#define PEERBUF_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

/**
 * struct bar - a base address register
 * @size: bytes; 0: not implemented, or not assigned
 * @base: CPU physical address
 * @bus: the address on the bus
 * @io: I/O ports
 * @prefetchable: memory that may be prefetched
 * @is_64bit: takes two registers
 * @sizes: for a resizable BAR: bit n stands for 1 MiB << n; otherwise 0
 */
struct bar {
	uint64_t size;
	uint64_t base;
	uint64_t bus;
	bool io;
	bool prefetchable;
	bool is_64bit;
	uint64_t sizes;
};

/**
 * enum acs - what is known of a function's Access Control Services
 * @ACS_UNKNOWN: its configuration space has not been read
 * @ACS_NONE: it has no such capability
 * @ACS_READ: the registers were read
 * @ACS_GROUPED: not read, but the IOMMU groups show that it redirects
 */
enum acs { ACS_UNKNOWN, ACS_NONE, ACS_READ, ACS_GROUPED };

/* A PCI Express port of that type, "port/device type" in its capability register. */
enum { PCIE_UNKNOWN = -1, PCIE_ROOT_PORT = 4, PCIE_UPSTREAM = 5, PCIE_DOWNSTREAM = 6 };

/**
 * struct link - speed of a PCI Express link
 * @speed: in tenths of a GT/s, 0: unknown
 * @width: lanes
 * @max_speed: what the function could do
 * @max_width: what the function could do
 */
struct link {
	unsigned int speed;
	unsigned int width;
	unsigned int max_speed;
	unsigned int max_width;
};

/**
 * struct function - a PCI function of a machine
 * @addr: its address
 * @parent: the bridge above it, PEERBUF_PCI_NONE on a root bus
 * @up: that bridge, NULL on a root bus
 * @root: domain << 16 | root bus << 8
 * @physical: the physical function of a virtual one, or PEERBUF_PCI_NONE
 * @vendor: PCI vendor ID
 * @device: PCI device ID
 * @class: PCI class, base and sub
 * @driver: bound to it, "-" for none
 * @numa_node: -1 for none
 * @iommu_group: -1 for none
 * @iommu_type: of the group's default domain, "" if unknown
 * @pcie: port/device type, PCIE_UNKNOWN
 * @dma_bits: DMA mask set by its driver, 0: unknown
 * @command: the command register
 * @enabled: a driver has enabled it, and so the kernel all bridges above
 * @is_bridge: has a bus below it
 * @shareable: not a bridge, and has a memory BAR
 * @below_port: not built into the root complex
 * @acs: what is known of its ACS
 * @acs_capability: the register
 * @acs_control: the register
 * @link: towards the root complex
 * @bars: by number
 */
struct function {
	uint64_t addr;
	uint64_t parent;
	struct function *up;
	uint64_t root;
	uint64_t physical;
	uint16_t vendor;
	uint16_t device;
	uint16_t class;
	char driver[64];
	int numa_node;
	int iommu_group;
	char iommu_type[16];
	int pcie;
	unsigned int dma_bits;
	uint16_t command;
	bool enabled;
	bool is_bridge;
	bool shareable;
	bool below_port;
	enum acs acs;
	uint16_t acs_capability;
	uint16_t acs_control;
	struct link link;
	struct bar bars[6];
};

/**
 * struct machine - everything that verdicts and findings depend on
 * @functions: sorted by address
 * @nr: number of functions
 * @cpu_vendor: as in /proc/cpuinfo, "" on other architectures
 * @cpu_family: as in /proc/cpuinfo
 * @overrides: p2p.ko's parameter, "" without the module
 * @facts: facts for doctor.c; NULL until they are needed
 * @live: this machine, not a file
 */
struct machine {
	struct function *functions;
	size_t nr;
	char cpu_vendor[32];
	unsigned int cpu_family;
	char overrides[4096];
	struct json_object *facts;
	bool live;
};

/** machine_get() - return this machine, or the one of --from; kept until the program ends */
const struct machine *machine_get(void);
/** machine_from() - read another machine's snapshot; returns an exit code */
int machine_from(const char *path);
/** machine_load() - read a snapshot into @machine; returns an exit code */
int machine_load(const char *path, struct machine *machine);
void machine_free(struct machine *machine);
/** machine_facts() - return the facts about it */
struct json_object *machine_facts(void);

struct function *machine_find(const struct machine *machine, uint64_t addr);
/** machine_finish() - sort, link and classify the functions, after all have been added */
void machine_finish(struct machine *machine);
struct function *machine_add(struct machine *machine);

/* machine_sysfs.c, machine_json.c */
void machine_read_sysfs(struct machine *machine);
struct json_object *machine_to_json(const struct machine *machine);
/** machine_read_json() - returns NULL, or what is wrong with @top */
const char *machine_read_json(struct machine *machine, struct json_object *top);

/** function_redirects() - does it send requests up past their peer? False for ACS_UNKNOWN */
bool function_redirects(const struct function *function);
/** functions_common() - return the lowest function that is above both, or NULL */
const struct function *functions_common(const struct function *a, const struct function *b);
/** link_rate() - return the rate in MB/s, one way; 0: unknown */
unsigned int link_rate(const struct link *link);
const char *link_text(const struct link *link);
/** function_serial() - return the card's serial number, 0 if unknown; not part of snapshots */
uint64_t function_serial(uint64_t addr);

#endif /* PEERBUF_MACHINE_H */
