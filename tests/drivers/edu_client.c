// SPDX-License-Identifier: GPL-2.0
/*
 * Lets one other kernel module use the engine. The module is told of every device that
 * comes and goes.
 */
#include <linux/module.h>

#include "edu_dma.h"

/* Guards the two below and edu.client_priv. Taken before all other locks. */
static DEFINE_MUTEX(edu_client_lock);
static LIST_HEAD(edu_client_devices);
static const struct edu_client *edu_client;

static void edu_client_attach(struct edu *edu)
{
	lockdep_assert_held(&edu_client_lock);
	edu->client_priv = edu_client->add(edu);
}

static void edu_client_detach(struct edu *edu)
{
	lockdep_assert_held(&edu_client_lock);
	if (edu->client_priv)
		edu_client->remove(edu->client_priv);
	edu->client_priv = NULL;
}

/* The last step of probe. */
void edu_client_add_device(struct edu *edu)
{
	mutex_lock(&edu_client_lock);
	list_add_tail(&edu->all, &edu_client_devices);
	if (edu_client)
		edu_client_attach(edu);
	mutex_unlock(&edu_client_lock);
}

/* Called when the engine has stopped; everything else still works. */
void edu_client_remove_device(struct edu *edu)
{
	mutex_lock(&edu_client_lock);
	list_del(&edu->all);
	if (edu_client)
		edu_client_detach(edu);
	mutex_unlock(&edu_client_lock);
}

/**
 * edu_client_register() - be told of every device, present and future
 * @client: callbacks; must stay valid until edu_client_unregister()
 *
 * Context: process context, sleeps.
 * Return: 0, or -EBUSY: there is another client.
 */
int edu_client_register(const struct edu_client *client)
{
	struct edu *edu;
	int ret = -EBUSY;

	mutex_lock(&edu_client_lock);
	if (!edu_client) {
		edu_client = client;
		list_for_each_entry(edu, &edu_client_devices, all)
			edu_client_attach(edu);
		ret = 0;
	}
	mutex_unlock(&edu_client_lock);
	return ret;
}
EXPORT_SYMBOL_GPL(edu_client_register);

/**
 * edu_client_unregister() - undo edu_client_register()
 * @client: the client that is registered
 *
 * When this returns, remove() has been called for every device.
 *
 * Context: process context, sleeps.
 */
void edu_client_unregister(const struct edu_client *client)
{
	struct edu *edu;

	mutex_lock(&edu_client_lock);
	list_for_each_entry(edu, &edu_client_devices, all)
		edu_client_detach(edu);
	edu_client = NULL;
	mutex_unlock(&edu_client_lock);
}
EXPORT_SYMBOL_GPL(edu_client_unregister);
