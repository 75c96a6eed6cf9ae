// The driver's functions about streams, captured graphs and events. All streams run in the order in which work is
// queued.
#include <algorithm>
#include <chrono>

#include "card.h"

using namespace card;

CARINA_EXPORT int cuStreamCreate(void **stream, unsigned flags) {
  Call call;
  if (call.result) return call.result;
  if (flags > 1) return invalid_value;
  *stream = new Stream();
  return success;
}

CARINA_EXPORT int cuStreamDestroy_v2(void *stream) {
  Call call;
  if (call.result) return call.result;
  if (!stream) return invalid_handle;
  const int result = flush();
  delete static_cast<Stream *>(stream);
  return result;
}

CARINA_EXPORT int cuStreamSynchronize(void *stream) {
  Call call(false);
  if (call.result) return call.result;
  if (stream && static_cast<Stream *>(stream)->captures) return capture_unsupported;
  return flush();
}

CARINA_EXPORT int cuStreamWaitEvent(void *, void *event, unsigned) {
  Call call;
  if (call.result) return call.result;
  return event ? success : invalid_handle;
}

// MARK: Capture

CARINA_EXPORT int cuStreamBeginCapture_v2(void *handle, int mode) {
  Call call;
  if (call.result) return call.result;
  if (!handle) return capture_unsupported;
  if (mode < 0 || mode > 2) return invalid_value;
  Stream &stream = *static_cast<Stream *>(handle);
  if (stream.captures) return invalid_value;
  stream.captures = true;
  stream.invalidated = false;
  stream.capture_mode = mode;
  stream.captured.operations.clear();
  the_card().capturing.push_back(&stream);
  return success;
}

CARINA_EXPORT int cuStreamEndCapture(void *handle, void **graph) {
  Call call;
  if (call.result) return call.result;
  *graph = nullptr;
  Stream *stream = static_cast<Stream *>(handle);
  if (!stream || !stream->captures) return capture_unmatched;
  auto &capturing = the_card().capturing;
  capturing.erase(std::remove(capturing.begin(), capturing.end(), stream), capturing.end());
  stream->captures = false;
  if (stream->invalidated) return capture_invalidated;
  *graph = new Graph(std::move(stream->captured));
  stream->captured.operations.clear();
  return success;
}

CARINA_EXPORT int cuGraphInstantiateWithFlags(void **executable, void *graph, unsigned long long) {
  Call call;
  if (call.result) return call.result;
  if (!graph) return invalid_value;
  *executable = new Graph(*static_cast<Graph *>(graph));
  return success;
}

CARINA_EXPORT int cuGraphLaunch(void *executable, void *stream) {
  Call call;
  if (call.result) return call.result;
  if (!executable) return invalid_value;
  for (const Operation &operation : static_cast<Graph *>(executable)->operations) {
    const int result = enqueue(stream, operation);
    if (result) return result;
  }
  return success;
}

CARINA_EXPORT int cuGraphExecDestroy(void *executable) {
  std::lock_guard<std::recursive_mutex> held(the_card().lock);
  if (!executable) return invalid_value;
  delete static_cast<Graph *>(executable);
  return success;
}

CARINA_EXPORT int cuGraphDestroy(void *graph) { return cuGraphExecDestroy(graph); }

// MARK: Events

CARINA_EXPORT int cuEventCreate(void **event, unsigned flags) {
  Call call;
  if (call.result) return call.result;
  Event *made = new Event();
  made->flags = flags;
  *event = made;
  return success;
}

CARINA_EXPORT int cuEventDestroy_v2(void *event) {
  Call call;
  if (!event) return invalid_handle;
  // Queued records write to it.
  flush();
  delete static_cast<Event *>(event);
  return call.result;
}

CARINA_EXPORT int cuEventRecord(void *handle, void *stream) {
  Call call;
  if (call.result) return call.result;
  if (!handle) return invalid_handle;
  Event *event = static_cast<Event *>(handle);
  if (!stream || !static_cast<Stream *>(stream)->captures) event->recorded = true;
  return enqueue(stream, [=] {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    event->seconds = std::chrono::duration<double>(now).count();
    return int(success);
  });
}

CARINA_EXPORT int cuEventSynchronize(void *event) {
  Call call(false);
  if (call.result) return call.result;
  return event ? flush() : invalid_handle;
}

CARINA_EXPORT int cuEventQuery(void *event) { return cuEventSynchronize(event); }

CARINA_EXPORT int cuEventElapsedTime(float *milliseconds, void *start, void *end) {
  Call call;
  if (call.result) return call.result;
  const Event *first = static_cast<Event *>(start), *last = static_cast<Event *>(end);
  // Flag 2: without times.
  if (!first || !last || !first->recorded || !last->recorded || (first->flags | last->flags) & 2) return invalid_handle;
  const int result = flush();
  *milliseconds = float((last->seconds - first->seconds) * 1e3);
  return result;
}
