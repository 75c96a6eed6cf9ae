#pragma once
#include <stddef.h>

/// A connection to servers by libcurl, used by one thread at a time.
typedef struct carina_hub_session carina_hub_session;

/// What a request asks for.
typedef struct {
  /// The address, http or https.
  const char *url;
  /// 1 for the header alone.
  int is_head;
  /// `NAME: VALUE`.
  const char *const *headers;
  size_t header_count;
  /// A file of certificates to trust; NULL for the system's.
  const char *certificates;
} carina_hub_request;

/// Who listens to a reply. Each is called on the thread that asked; a result other than 0 ends the transfer.
typedef struct {
  void *context;
  /// A line of the header, of any reply, without its end.
  int (*header)(void *context, const char *line, size_t count);
  /// A piece of the body.
  int (*body)(void *context, const void *bytes, size_t count);
  /// Now and then, at least once a second.
  int (*pause)(void *context);
} carina_hub_listener;

/// How a transfer ended.
typedef enum {
  CARINA_HUB_DONE = 0,
  /// A listener ended it.
  CARINA_HUB_STOPPED,
  /// The connection was not made, was cut, or stood still.
  CARINA_HUB_CUT,
  /// No such host.
  CARINA_HUB_NO_HOST,
  /// The certificate is not trusted.
  CARINA_HUB_UNTRUSTED,
  /// Anything else.
  CARINA_HUB_FAILED,
} carina_hub_end;

/// NULL where there is no memory.
carina_hub_session *carina_hub_begin(void);
void carina_hub_end_session(carina_hub_session *session);

/// Asks once, without following redirects.
/// - status: the code of the reply; 0 for none.
carina_hub_end carina_hub_ask(
    carina_hub_session *session, const carina_hub_request *request, const carina_hub_listener *listener, long *status);

/// What the library says of the last transfer's end.
const char *carina_hub_message(const carina_hub_session *session);
