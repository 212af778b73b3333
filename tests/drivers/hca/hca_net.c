// SPDX-License-Identifier: GPL-2.0
/*
 * The network interface of a RoCE device. It has the IP addresses from which the core makes
 * GIDs, and it resolves neighbours. All interfaces are on one Ethernet segment, whichever
 * network namespaces they are in. RDMA traffic does not pass through it.
 */
#include <linux/etherdevice.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/rculist.h>
#include <linux/rtnetlink.h>

#include "hca.h"

/* Room for 4096 bytes of payload after the headers of RoCE. */
#define HCA_NET_MTU	4200

/**
 * struct hca_net - private data of an interface
 * @ndev: the interface
 * @link: entry in the list of interfaces that are up
 */
struct hca_net {
	struct net_device *ndev;
	struct list_head link;
};

/* Interfaces that are up. Read under RCU, written under RTNL. */
static LIST_HEAD(hca_net_up);

static int hca_net_open(struct net_device *ndev)
{
	struct hca_net *net = netdev_priv(ndev);

	ASSERT_RTNL();
	list_add_tail_rcu(&net->link, &hca_net_up);
	netif_start_queue(ndev);
	return 0;
}

static int hca_net_stop(struct net_device *ndev)
{
	struct hca_net *net = netdev_priv(ndev);

	ASSERT_RTNL();
	netif_stop_queue(ndev);
	list_del_rcu(&net->link);
	/* The interface may be opened again at once, while a reader is still at this entry. */
	synchronize_net();
	return 0;
}

static bool hca_net_takes(const struct net_device *ndev, const struct sk_buff *skb)
{
	const struct ethhdr *eth = (const struct ethhdr *)skb->data;

	return is_multicast_ether_addr(eth->h_dest) ||
	       ether_addr_equal(eth->h_dest, ndev->dev_addr);
}

static netdev_tx_t hca_net_xmit(struct sk_buff *skb, struct net_device *ndev)
{
	struct sk_buff *copy;
	struct hca_net *net;

	rcu_read_lock();
	list_for_each_entry_rcu(net, &hca_net_up, link) {
		if (net->ndev == ndev || !hca_net_takes(net->ndev, skb))
			continue;
		copy = skb_clone(skb, GFP_ATOMIC);
		if (copy)
			dev_forward_skb(net->ndev, copy);
	}
	rcu_read_unlock();
	consume_skb(skb);
	return NETDEV_TX_OK;
}

static const struct net_device_ops hca_net_ops = {
	.ndo_open = hca_net_open,
	.ndo_stop = hca_net_stop,
	.ndo_start_xmit = hca_net_xmit,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
};

static void hca_net_setup(struct net_device *ndev)
{
	struct hca_net *net = netdev_priv(ndev);

	ether_setup(ndev);
	ndev->netdev_ops = &hca_net_ops;
	ndev->priv_flags |= IFF_NO_QUEUE;
	ndev->mtu = HCA_NET_MTU;
	ndev->max_mtu = ETH_MAX_MTU;
	net->ndev = ndev;
}

/**
 * hca_net_create() - create the interface of a device
 * @hca: the device, with its LID
 *
 * The interface is down and has no IP address yet.
 *
 * Context: process context, takes RTNL.
 * Return: the interface, or an ERR_PTR().
 */
struct net_device *hca_net_create(struct hca *hca)
{
	u8 mac[ETH_ALEN] = { 0x02, 0x50, 0x42, 0, hca->lid >> 8, hca->lid };
	struct net_device *ndev;
	int ret;

	ndev = alloc_netdev(sizeof(struct hca_net), "hca%d", NET_NAME_ENUM, hca_net_setup);
	if (!ndev)
		return ERR_PTR(-ENOMEM);
	eth_hw_addr_set(ndev, mac);
	SET_NETDEV_DEV(ndev, &hca->pdev->dev);
	ret = register_netdev(ndev);
	if (!ret)
		return ndev;
	free_netdev(ndev);
	return ERR_PTR(ret);
}

/* The RDMA device no longer uses the interface. */
void hca_net_destroy(struct net_device *ndev)
{
	unregister_netdev(ndev);
	free_netdev(ndev);
}
