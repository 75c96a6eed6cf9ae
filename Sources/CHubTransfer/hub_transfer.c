#include "hub_transfer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

struct carina_hub_session {
  CURL *handle;
  char message[CURL_ERROR_SIZE];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode prepared = CURLE_FAILED_INIT;

static void prepare(void) { prepared = curl_global_init(CURL_GLOBAL_DEFAULT); }

carina_hub_session *carina_hub_begin(void) {
  pthread_once(&once, prepare);
  carina_hub_session *session = prepared == CURLE_OK ? calloc(1, sizeof *session) : NULL;
  if (!session) return NULL;
  session->handle = curl_easy_init();
  if (session->handle) return session;
  free(session);
  return NULL;
}

void carina_hub_end_session(carina_hub_session *session) {
  if (!session) return;
  curl_easy_cleanup(session->handle);
  free(session);
}

const char *carina_hub_message(const carina_hub_session *session) { return session->message; }

static size_t on_header(char *bytes, size_t size, size_t count, void *context) {
  const carina_hub_listener *listener = context;
  size_t length = size * count;
  while (length > 0 && (bytes[length - 1] == '\n' || bytes[length - 1] == '\r')) length--;
  return listener->header(listener->context, bytes, length) ? 0 : size * count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context) {
  const carina_hub_listener *listener = context;
  return listener->body(listener->context, bytes, size * count) ? 0 : size * count;
}

static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
  (void)a, (void)b, (void)c, (void)d;
  const carina_hub_listener *listener = context;
  return listener->pause(listener->context);
}

static carina_hub_end end_of(CURLcode code) {
  switch (code) {
    case CURLE_OK: return CARINA_HUB_DONE;
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_WRITE_ERROR: return CARINA_HUB_STOPPED;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return CARINA_HUB_NO_HOST;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE: return CARINA_HUB_UNTRUSTED;
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return CARINA_HUB_CUT;
    default: return CARINA_HUB_FAILED;
  }
}

carina_hub_end carina_hub_ask(
    carina_hub_session *session, const carina_hub_request *request, const carina_hub_listener *listener, long *status) {
  CURL *handle = session->handle;
  // Options are forgotten, connections are kept.
  curl_easy_reset(handle);
  session->message[0] = 0;
  *status = 0;
  struct curl_slist *headers = NULL;
  for (size_t i = 0; i < request->header_count; i++) {
    struct curl_slist *longer = curl_slist_append(headers, request->headers[i]);
    if (!longer) {
      curl_slist_free_all(headers);
      return CARINA_HUB_FAILED;
    }
    headers = longer;
  }
  curl_easy_setopt(handle, CURLOPT_URL, request->url);
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, session->message);
  curl_easy_setopt(handle, CURLOPT_NOBODY, request->is_head ? 1L : 0L);
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, 30L);
  // A server that sends less than a byte a second for a minute is gone.
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, 60L);
  curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, 256L * 1024);
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
  if (request->certificates) curl_easy_setopt(handle, CURLOPT_CAINFO, request->certificates);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, listener);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, listener);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, listener);
  CURLcode code = curl_easy_perform(handle);
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, status);
  curl_slist_free_all(headers);
  if (code != CURLE_OK && !session->message[0]) {
    strncpy(session->message, curl_easy_strerror(code), sizeof session->message - 1);
  }
  return end_of(code);
}
