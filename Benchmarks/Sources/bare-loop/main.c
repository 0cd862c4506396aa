// bare-loop: what an edge is measured against. One thread, one epoll, no protocol: it answers any request with the greeting it
// was given and sends every event it is given, as it is, to every connection of a group.
//
// It listens on a free port of 127.0.0.1, prints "port <number>" and takes frames from standard input, until that ends:
//
//     kind (1 byte)  zero (1 byte)  group (2 bytes)  length (4 bytes)  bytes      little-endian
//
// 'G' greeting, 'S' from now on one write an event, 'J' from now on all that has gathered in one write, 'E' event for a group.
// A connection's group is the number after "x-load-group: " in its request, 0 without one.
#define _GNU_SOURCE
#include "group.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    most_groups = 4096,
    most_request_bytes = 8192,
    most_frame_bytes = 1 << 20,
    frame_head = 8,
    send_buffer = 64 * 1024, // as the edges'
    joined_read_bytes = 4 << 20,
    events_per_round = 1024,
};

static int epoll_descriptor, listener;
static struct group groups[most_groups];
static char *greeting;
static size_t greeting_length;
static enum delivery delivery = deliver_single;
// Frames that have come and are not handled yet.
static char input[frame_head + most_frame_bytes];
static size_t input_length;

static void fail(const char *what) {
    fprintf(stderr, "bare-loop: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void watch(int descriptor, void *token, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = token};
    if (epoll_ctl(epoll_descriptor, EPOLL_CTL_ADD, descriptor, &event) < 0) fail("epoll_ctl");
}

static void accept_all(void) {
    for (;;) {
        int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor < 0 && errno == EAGAIN) return;
        if (descriptor < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
        if (descriptor < 0) fail("accept4");
        int on = 1, bytes = send_buffer;
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
        struct connection *connection = grow(NULL, sizeof *connection);
        *connection = (struct connection){.descriptor = descriptor};
        watch(descriptor, connection, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    }
}

static void close_connection(struct connection *connection) {
    if (connection->group != NULL) group_remove(connection);
    close(connection->descriptor);
    free(connection->request);
    free(connection);
}

// Reads the request and answers it. Returns false when the connection is to be closed.
static bool open_stream(struct connection *connection, const char *bytes, size_t length) {
    size_t before = connection->request == NULL ? 0 : strlen(connection->request);
    if (before + length > most_request_bytes || memchr(bytes, 0, length) != NULL) return false;
    connection->request = grow(connection->request, before + length + 1);
    memcpy(connection->request + before, bytes, length);
    connection->request[before + length] = 0;
    if (strstr(connection->request, "\r\n\r\n") == NULL) return true;

    const char *name = "\r\nx-load-group: ";
    const char *found = strstr(connection->request, name);
    unsigned long number = found == NULL ? 0 : strtoul(found + strlen(name), NULL, 10);
    free(connection->request);
    connection->request = NULL;
    if (number >= most_groups) return false;
    if (send(connection->descriptor, greeting, greeting_length, MSG_NOSIGNAL) != (ssize_t)greeting_length) return false;
    group_add(&groups[number], connection);
    return true;
}

static void connection_ready(struct connection *connection, uint32_t events) {
    while (events & EPOLLIN) {
        char bytes[4096];
        ssize_t count = recv(connection->descriptor, bytes, sizeof bytes, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) break;
        if (count <= 0 || (connection->group == NULL && !open_stream(connection, bytes, count))) {
            close_connection(connection);
            return;
        }
    }
    if (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) {
        close_connection(connection);
    } else if (connection->group != NULL && events & EPOLLOUT) {
        group_resume(connection, delivery);
    }
}

static void frame_received(char kind, uint16_t group, const char *bytes, size_t length) {
    switch (kind) {
    case 'G':
        greeting = grow(greeting, length);
        memcpy(greeting, bytes, length);
        greeting_length = length;
        break;
    case 'S':
        delivery = deliver_single;
        break;
    case 'J':
        delivery = deliver_joined;
        break;
    case 'E':
        group_append(&groups[group % most_groups], bytes, length);
        if (delivery == deliver_single) group_deliver(&groups[group % most_groups], delivery);
        break;
    default:
        fputs("bare-loop: standard input does not hold frames; run it through causeway-load\n", stderr);
        exit(1);
    }
}

// Handles the complete frames of `input` and keeps the rest.
static void handle_input(void) {
    size_t offset = 0;
    while (input_length - offset >= frame_head) {
        uint16_t group;
        uint32_t length;
        memcpy(&group, input + offset + 2, sizeof group);
        memcpy(&length, input + offset + 4, sizeof length);
        if (length > most_frame_bytes) {
            fputs("bare-loop: a frame is longer than 1 MiB; choose a smaller payload\n", stderr);
            exit(1);
        }
        if (input_length - offset < frame_head + length) break;
        frame_received(input[offset], group, input + offset + frame_head, length);
        offset += frame_head + length;
    }
    memmove(input, input + offset, input_length - offset);
    input_length -= offset;
}

// One write an event: takes what one read gives. Joined: takes everything that is there, up to a bound, before anything is sent.
static void input_ready(void) {
    size_t taken = 0;
    do {
        ssize_t count = read(STDIN_FILENO, input + input_length, sizeof input - input_length);
        if (count < 0 && errno == EAGAIN) break;
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail("read");
        if (count == 0) exit(0);
        input_length += count;
        taken += count;
        handle_input();
    } while (delivery == deliver_joined && taken < joined_read_bytes);
    if (delivery == deliver_single) return;
    for (size_t index = 0; index < most_groups; index++) group_deliver(&groups[index], delivery);
}

static void listen_on_free_port(void) {
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 4096) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) < 0)
        fail("listening on 127.0.0.1");
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
}

int main(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    epoll_descriptor = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_descriptor < 0) fail("epoll_create1");
    listen_on_free_port();
    fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
    watch(listener, &listener, EPOLLIN);
    watch(STDIN_FILENO, &input_length, EPOLLIN);

    struct epoll_event events[events_per_round];
    for (;;) {
        int count = epoll_wait(epoll_descriptor, events, events_per_round, -1);
        for (int index = 0; index < count; index++) {
            void *token = events[index].data.ptr;
            if (token == &listener) accept_all();
            else if (token == &input_length) input_ready();
            else connection_ready(token, events[index].events);
        }
    }
}
