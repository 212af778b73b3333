// SPDX-License-Identifier: GPL-2.0
/*
 * mpi_exchange BYTES [FILE]: two ranks that know nothing of RDMA or of peerbuf. The first
 * one sends from its memory, the second one receives into its own and sends that back; each
 * compares. The second one's memory is FILE, mapped, if there is one.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mpi.h>

#define TAG	7

static unsigned char byte_of(size_t at)
{
	return at * 37 + (at >> 8);
}

static unsigned char *memory_of(const char *file, size_t size)
{
	int fd = file ? open(file, O_RDWR) : -1;
	void *memory;

	if (file && fd < 0) {
		perror(file);
		exit(2);
	}
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      file ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, fd, 0);
	if (memory == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return memory;
}

static int compare(const unsigned char *memory, size_t size, int rank)
{
	for (size_t i = 0; i < size; i++) {
		if (memory[i] != byte_of(i)) {
			fprintf(stderr, "rank %d: byte %zu is %#x, not %#x\n", rank, i, memory[i],
				byte_of(i));
			return 1;
		}
	}
	printf("rank %d: %zu bytes\n", rank, size);
	return 0;
}

int main(int argc, char **argv)
{
	size_t size = argc > 1 ? strtoul(argv[1], NULL, 0) : 0;
	unsigned char *memory;
	int rank, ranks;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	if (!size || ranks != 2) {
		fprintf(stderr, "usage: mpirun -n 2 mpi_exchange BYTES [FILE]\n");
		MPI_Abort(MPI_COMM_WORLD, 2);
	}
	memory = memory_of(rank && argc > 2 ? argv[2] : NULL, size);
	if (!rank) {
		for (size_t i = 0; i < size; i++)
			memory[i] = byte_of(i);
		MPI_Send(memory, size, MPI_BYTE, 1, TAG, MPI_COMM_WORLD);
		memset(memory, 0, size);
		MPI_Recv(memory, size, MPI_BYTE, 1, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
	} else {
		MPI_Recv(memory, size, MPI_BYTE, 0, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
		MPI_Send(memory, size, MPI_BYTE, 0, TAG, MPI_COMM_WORLD);
	}
	if (compare(memory, size, rank))
		MPI_Abort(MPI_COMM_WORLD, 1);
	MPI_Finalize();
	return 0;
}
