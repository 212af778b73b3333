// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams: unconnected QPs, among them QP 1, which the core's connection manager uses.
 * The sender gets no answer: a datagram that no one receives is lost silently.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <net/ip.h>

#include <rdma/ib_verbs.h>

#include "hca.h"

/* Every receive buffer begins with this, whether a header is stored there or not. */
#define HCA_GRH_BYTES	sizeof(union rdma_network_hdr)

#define HCA_IPV4_HEADER_WORDS	5
#define HCA_GRH_NEXT_BTH	0x1b

static bool hca_gid_is_ipv4(const union ib_gid *gid)
{
	return ipv6_addr_v4mapped((const struct in6_addr *)gid);
}

/* RoCE over IPv4: the header is in the second half of @hdr. */
static void hca_fill_ipv4(union rdma_network_hdr *hdr, const struct hca_address *to,
			  u32 len)
{
	struct iphdr *ip = &hdr->roce4grh;

	ip->version = 4;
	ip->ihl = HCA_IPV4_HEADER_WORDS;
	ip->tot_len = htons(sizeof(*ip) + len);
	ip->frag_off = htons(IP_DF);
	ip->ttl = to->hop_limit;
	ip->protocol = IPPROTO_UDP;
	memcpy(&ip->saddr, to->sgid.raw + 12, sizeof(ip->saddr));
	memcpy(&ip->daddr, to->dgid.raw + 12, sizeof(ip->daddr));
	ip->check = ip_fast_csum(ip, HCA_IPV4_HEADER_WORDS);
}

static void hca_fill_grh(union rdma_network_hdr *hdr, const struct hca_address *to,
			 u32 len)
{
	hdr->ibgrh.version_tclass_flow = htonl(6 << 28);
	hdr->ibgrh.paylen = htons(len);
	hdr->ibgrh.next_hdr = to->roce ? IPPROTO_UDP : HCA_GRH_NEXT_BTH;
	hdr->ibgrh.hop_limit = to->hop_limit;
	hdr->ibgrh.sgid = to->sgid;
	hdr->ibgrh.dgid = to->dgid;
}

/* Fills in the header and the fields of the receiver's completion that describe it. */
static void hca_fill_header(union rdma_network_hdr *hdr, const struct hca_address *to,
			    u32 len, struct ib_wc *wc)
{
	memset(hdr, 0, sizeof(*hdr));
	if (!to->grh)
		return;
	wc->wc_flags |= IB_WC_GRH;
	if (to->roce) {
		wc->wc_flags |= IB_WC_WITH_NETWORK_HDR_TYPE;
		wc->network_hdr_type = hca_gid_is_ipv4(&to->dgid) ?
				       RDMA_NETWORK_IPV4 : RDMA_NETWORK_IPV6;
	}
	if (to->roce && hca_gid_is_ipv4(&to->dgid))
		hca_fill_ipv4(hdr, to, len);
	else
		hca_fill_grh(hdr, to, len);
}

/* A Q_Key with its highest bit set means the sending QP's own Q_Key. */
static u32 hca_qkey(struct hca_qp *qp, const struct hca_wqe *wqe)
{
	return wqe->qkey & BIT(31) ? READ_ONCE(qp->attr.qkey) : wqe->qkey;
}

static bool hca_wants_datagram(struct hca_qp *peer, u32 qkey)
{
	bool wants;

	spin_lock_irq(&peer->lock);
	wants = hca_is_datagram(peer) && peer->attr.qkey == qkey &&
		(peer->attr.qp_state == IB_QPS_RTR ||
		 peer->attr.qp_state == IB_QPS_RTS ||
		 peer->attr.qp_state == IB_QPS_SQD ||
		 peer->attr.qp_state == IB_QPS_SQE);
	spin_unlock_irq(&peer->lock);
	return wants;
}

/* Stores header and payload. Several senders may do this, and @peer has one wire page. */
static enum hca_moved hca_store_datagram(struct hca_qp *qp, struct hca_qp *peer,
					 struct hca_vec *local, struct hca_vec *into,
					 const union rdma_network_hdr *hdr)
{
	struct hca_vec header = { .total = HCA_GRH_BYTES, .data = (const u8 *)hdr };
	struct hca_end from = { &header, &qp->request, qp };
	struct hca_end to = { into, &peer->response, peer };
	enum hca_moved moved;

	mutex_lock(&peer->receiving);
	moved = hca_vec_move(&from, &to, HCA_GRH_BYTES);
	if (moved == HCA_MOVED) {
		from.vec = local;
		to.start = HCA_GRH_BYTES;
		moved = hca_vec_move(&from, &to, local->total);
	}
	mutex_unlock(&peer->receiving);
	return moved;
}

static int hca_receive_datagram(struct hca_qp *qp, struct hca_qp *peer,
				struct hca_wqe *wqe, struct hca_vec *local,
				struct hca_wqe *recv, struct hca_vec *into)
{
	union rdma_network_hdr hdr;
	struct ib_wc wc = {
		.opcode = IB_WC_RECV,
		.byte_len = HCA_GRH_BYTES + local->total,
		.src_qp = qp->ibqp.qp_num,
		.slid = wqe->to.roce ? 0 : hca_of_qp(qp)->lid,
		.port_num = 1,
	};

	if (wqe->opcode == IB_WR_SEND_WITH_IMM) {
		wc.wc_flags = IB_WC_WITH_IMM;
		wc.ex.imm_data = wqe->imm;
	}
	hca_fill_header(&hdr, &wqe->to, local->total, &wc);
	switch (hca_store_datagram(qp, peer, local, into, &hdr)) {
	case HCA_MOVED:
		hca_qp_complete_recv(peer, recv, &wc, wqe->flags & IB_SEND_SOLICITED);
		return IB_WC_SUCCESS;
	case HCA_FROM_FAILED:
		hca_return_recv(peer, recv);
		return IB_WC_LOC_PROT_ERR;
	case HCA_TO_FAILED:
		wc.status = IB_WC_LOC_PROT_ERR;
		hca_qp_fail(peer, 0);
		hca_qp_complete_recv(peer, recv, &wc, false);
		return IB_WC_SUCCESS;
	default:
		hca_return_recv(peer, recv);
		return IB_WC_SUCCESS;
	}
}

static int hca_deliver_datagram(struct hca_qp *qp, struct hca_qp *peer,
				struct hca_wqe *wqe, struct hca_vec *local)
{
	int status = IB_WC_SUCCESS;
	struct hca_wqe *recv;
	struct hca_vec into;

	recv = hca_take_recv(peer);
	if (!recv)
		return status;
	if (hca_vec_local(peer, recv, IB_ACCESS_LOCAL_WRITE, &into)) {
		hca_return_recv(peer, recv);
		return status;
	}
	if (into.total < HCA_GRH_BYTES + local->total)
		hca_return_recv(peer, recv);
	else
		status = hca_receive_datagram(qp, peer, wqe, local, recv, &into);
	hca_vec_put(&into);
	return status;
}

/* Returns a completion status. Sleeps. */
int hca_send_datagram(struct hca_qp *qp, struct hca_wqe *wqe, struct hca_vec *local)
{
	int status = IB_WC_SUCCESS;
	struct hca_qp *peer;

	if (local->total > HCA_MAX_DATAGRAM)
		return IB_WC_LOC_LEN_ERR;
	peer = hca_list_find_qp(&wqe->to, wqe->remote_qpn);
	if (!peer)
		return status;
	if (hca_wants_datagram(peer, hca_qkey(qp, wqe)))
		status = hca_deliver_datagram(qp, peer, wqe, local);
	hca_qp_put(peer);
	return status;
}
