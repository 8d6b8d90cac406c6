/*
 * What one download costs at the least: a single connection, every block asked for in order, one copy
 * from the socket's buffer to the piece, SHA-1 by OpenSSL, one pwrite a piece. It checks framing and
 * hashes and decides nothing. A client cannot be cheaper than this, only come near; it is no client.
 *
 *   floor HOST PORT TORRENT-INFO-HASH SIZE PIECE-LENGTH HASHES-FILE OUT
 *
 * HASHES-FILE: the pieces' 20-byte hashes, one after the other. Ends with 1 when a piece is wrong.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK 16384u
#define WINDOW 512u

enum { UNCHOKE = 1, INTERESTED = 2, REQUEST = 6, PIECE = 7 };

static int peer;
static uint8_t chunk[256 * 1024];
static size_t chunk_length, chunk_at;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void say(const uint8_t *bytes, size_t length) {
  while (length > 0) {
    ssize_t sent = send(peer, bytes, length, 0);
    if (sent <= 0) fail("send");
    bytes += sent;
    length -= (size_t)sent;
  }
}

/* Bytes of the stream, to `into` or nowhere. */
static void hear(uint8_t *into, size_t length) {
  while (length > 0) {
    if (chunk_at == chunk_length) {
      ssize_t got = recv(peer, chunk, sizeof chunk, 0);
      if (got <= 0) fail("recv");
      chunk_length = (size_t)got;
      chunk_at = 0;
    }
    size_t part = chunk_length - chunk_at < length ? chunk_length - chunk_at : length;
    if (into) {
      memcpy(into, chunk + chunk_at, part);
      into += part;
    }
    chunk_at += part;
    length -= part;
  }
}

static uint32_t number(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void put(uint8_t *bytes, uint32_t value) {
  bytes[0] = (uint8_t)(value >> 24);
  bytes[1] = (uint8_t)(value >> 16);
  bytes[2] = (uint8_t)(value >> 8);
  bytes[3] = (uint8_t)value;
}

static void dial(const char *host, const char *port, const char *info_hash) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  if (inet_pton(AF_INET, host, &to.sin_addr) != 1) fail("host");
  peer = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(peer, (struct sockaddr *)&to, sizeof to)) fail("connect");
  uint8_t hello[68] = {19};
  memcpy(hello + 1, "BitTorrent protocol", 19);
  for (int i = 0; i < 20; i++) {
    unsigned byte;
    if (sscanf(info_hash + 2 * i, "%2x", &byte) != 1) fail("info-hash");
    hello[28 + i] = (uint8_t)byte;
  }
  memcpy(hello + 48, "-FL0000-measuresonly", 20);
  say(hello, sizeof hello);
  hear(NULL, 68);
  const uint8_t interested[5] = {0, 0, 0, 1, INTERESTED};
  say(interested, sizeof interested);
}

/* Asks for the next blocks until the window is full; returns how far it asked. */
static uint64_t ask(uint64_t from, uint64_t size, uint64_t until, uint32_t piece_length) {
  static uint8_t requests[WINDOW * 17];
  size_t length = 0;
  while (from < size && from < until && length < sizeof requests) {
    uint64_t left = size - from;
    uint32_t bytes = left < BLOCK ? (uint32_t)left : BLOCK;
    uint8_t *request = requests + length;
    put(request, 13);
    request[4] = REQUEST;
    put(request + 5, (uint32_t)(from / piece_length));
    put(request + 9, (uint32_t)(from % piece_length));
    put(request + 13, bytes);
    length += 17;
    from += bytes;
  }
  if (length > 0) say(requests, length);
  return from;
}

static void store(int out, const uint8_t *bytes, uint64_t length, uint64_t at) {
  while (length > 0) {
    ssize_t written = pwrite(out, bytes, length, (off_t)at);
    if (written <= 0) fail("pwrite");
    bytes += written;
    length -= (uint64_t)written;
    at += (uint64_t)written;
  }
}

int main(int count, char **words) {
  if (count != 8) return 2;
  const uint64_t size = strtoull(words[4], NULL, 10);
  const uint32_t piece_length = (uint32_t)strtoul(words[5], NULL, 10);
  if (piece_length < BLOCK) return 2;
  /* As many as the window reaches into, and the one that it begins in. */
  const uint32_t slots = WINDOW * BLOCK / piece_length + 2;
  const uint64_t pieces = (size + piece_length - 1) / piece_length;
  uint8_t *expected = malloc(pieces * 20), *stored = calloc(pieces, 1);
  FILE *hashes = fopen(words[6], "rb");
  if (!expected || !stored || !hashes || fread(expected, 20, pieces, hashes) != pieces) fail("hashes");
  int out = open(words[7], O_CREAT | O_RDWR | O_EXCL, 0644);
  if (out < 0) fail("open");
  uint8_t **open_pieces = calloc(slots, sizeof *open_pieces);
  uint64_t *filled = calloc(slots, sizeof *filled);
  if (!open_pieces || !filled) fail("memory");
  for (uint32_t i = 0; i < slots; i++) {
    if (!(open_pieces[i] = malloc(piece_length))) fail("memory");
  }
  EVP_MD_CTX *hash = EVP_MD_CTX_new();

  dial(words[1], words[2], words[3]);
  uint64_t asked = 0, got = 0, first = 0; /* the first piece that is not stored */
  int choked = 1;
  while (got < size) {
    if (!choked && asked - got <= (uint64_t)WINDOW * BLOCK * 3 / 4) {
      /* The seeder may send a later piece first: an earlier one keeps its slot until it is stored. */
      const uint64_t window = got + (uint64_t)WINDOW * BLOCK, room = (first + slots) * piece_length;
      asked = ask(asked, size, window < room ? window : room, piece_length);
    }
    uint8_t head[9];
    hear(head, 4);
    uint32_t length = number(head);
    if (length == 0) continue;
    hear(head, 1);
    length--;
    if (head[0] != PIECE) {
      if (head[0] == UNCHOKE) choked = 0;
      hear(NULL, length);
      continue;
    }
    hear(head + 1, 8);
    length -= 8;
    const uint64_t piece = number(head + 1);
    const uint32_t begin = number(head + 5), slot = (uint32_t)(piece % slots);
    if (piece >= pieces || begin > piece_length || length > piece_length - begin) return 1;
    hear(open_pieces[slot] + begin, length);
    got += length;
    filled[slot] += length;
    const uint64_t start = piece * piece_length;
    const uint64_t whole = size - start < piece_length ? size - start : piece_length;
    if (filled[slot] < whole) continue;
    uint8_t digest[EVP_MAX_MD_SIZE];
    EVP_DigestInit_ex(hash, EVP_sha1(), NULL);
    EVP_DigestUpdate(hash, open_pieces[slot], whole);
    EVP_DigestFinal_ex(hash, digest, NULL);
    if (memcmp(digest, expected + piece * 20, 20)) return 1;
    store(out, open_pieces[slot], whole, start);
    filled[slot] = 0;
    stored[piece] = 1;
    while (first < pieces && stored[first]) first++;
  }
  return 0;
}
