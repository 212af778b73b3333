// SPDX-License-Identifier: GPL-2.0-only
/*
 * A terminal whose contents are replaced from time to time. It is restored however the program
 * ends. If there is no terminal, output is appended.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "screen.h"

static struct termios before;
static bool has_screen, has_keys;
static volatile sig_atomic_t ended;

static void give_back(void)
{
	static const char leave[] = "\033[?25h\033[?1049l";

	if (has_keys)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	if (has_screen && write(STDOUT_FILENO, leave, sizeof(leave) - 1) < 0)
		return;
	has_keys = false;
	has_screen = false;
}

static void on_end(int number)
{
	(void)number;
	ended = 1;
}

/* The signal only has to interrupt the wait. */
static void on_resize(int number)
{
	(void)number;
}

void screen_begin(void)
{
	const char *term = getenv("TERM");
	struct termios keys;

	/* Without SA_RESTART, so that waits end. */
	sigaction(SIGINT, &(struct sigaction) { .sa_handler = on_end }, NULL);
	sigaction(SIGTERM, &(struct sigaction) { .sa_handler = on_end }, NULL);
	sigaction(SIGHUP, &(struct sigaction) { .sa_handler = on_end }, NULL);
	sigaction(SIGWINCH, &(struct sigaction) { .sa_handler = on_resize }, NULL);
	has_screen = isatty(STDOUT_FILENO) && term && strcmp(term, "dumb");
	if (!has_screen)
		return;
	atexit(give_back);
	if (!tcgetattr(STDIN_FILENO, &before)) {
		keys = before;
		keys.c_lflag &= ~(ICANON | ECHO);
		has_keys = !tcsetattr(STDIN_FILENO, TCSADRAIN, &keys);
	}
	fputs("\033[?1049h\033[?25l", stdout);
}

void screen_clear(void)
{
	if (has_screen)
		fputs("\033[H\033[J", stdout);
}

unsigned int screen_lines(void)
{
	struct winsize size;

	if (!has_screen || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row)
		return UINT_MAX;
	return size.ws_row;
}

bool screen_wait(double seconds)
{
	struct pollfd input = { .fd = has_keys ? STDIN_FILENO : -1, .events = POLLIN };
	char key = 0;

	if (fflush(stdout) || ended)
		return false;
	if (poll(&input, 1, seconds * 1000) == 1 &&
	    (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q'))
		return false;
	return !ended;
}
