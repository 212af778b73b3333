// SPDX-License-Identifier: GPL-2.0
/* A program that is linked statically, so that nothing can be loaded before it: see rdma_run.c. */
int main(void)
{
	return 0;
}
