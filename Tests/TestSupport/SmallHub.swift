import CarinaHub
import CarinaRuntime
import Foundation
import Synchronization

/// An imitation of the Hugging Face hub: its list of files, its addresses of files with their checksums, and large files on
/// another server, to which it redirects.
public final class SmallHub: Sendable {
  /// The commit that every revision is.
  public static let commit = "0123456789abcdef0123456789abcdef01234567"

  private let hub: SmallServer, store: SmallServer

  /// Its address.
  public var address: String { hub.address }
  /// What the hub was asked, and what the other server.
  public var requests: [SmallServer.Request] { hub.requests }
  /// What the server of the large files was asked.
  public var storeRequests: [SmallServer.Request] { store.requests }

  /// Serves one model.
  /// - Parameters:
  ///   - largeFrom: the length from which a file lies on the other server.
  ///   - knowsRanges: whether that server sends parts.
  ///   - override: answers instead, where it gives an answer; called with how often the path was asked before.
  public init(
    _ model: String, _ files: [String: Data], revisions: [String] = ["main"], largeFrom: Int = 1000,
    knowsRanges: Bool = true,
    override: @escaping @Sendable (SmallServer.Request, Int) -> SmallServer.Reply? = { _, _ in nil }
  ) throws {
    let counts = Mutex<[String: Int]>([:]), commit = Self.commit
    @Sendable func overridden(_ request: SmallServer.Request) -> SmallServer.Reply? {
      let count = counts.withLock { counts in
        defer { counts["\(request.method) \(request.path)", default: 0] += 1 }
        return counts["\(request.method) \(request.path)"] ?? 0
      }
      return override(request, count)
    }
    let store = try SmallServer { request in
      if let reply = overridden(request) { return reply }
      guard let name = request.path.split(separator: "/").last, let data = files[String(name)] else {
        return SmallServer.Reply(404)
      }
      guard knowsRanges, let range = request.headers["range"], range.hasPrefix("bytes="), range.hasSuffix("-"),
        let start = Int(range.dropFirst(6).dropLast()), start < data.count
      else { return SmallServer.Reply(200, body: data) }
      return SmallServer.Reply(
        206, ["Content-Range": "bytes \(start)-\(data.count - 1)/\(data.count)"], body: data.dropFirst(start))
    }
    self.store = store
    let elsewhere = store.address
    hub = try SmallServer { request in
      if let reply = overridden(request) { return reply }
      if let revision = request.path.components(separatedBy: "/api/models/\(model)/revision/").last,
        revision != request.path
      {
        guard (revisions + [commit]).contains(revision.removingPercentEncoding ?? "") else {
          return SmallServer.Reply(404, ["X-Error-Code": "RevisionNotFound"])
        }
        let list: JSONValue = [
          "id": .string(model), "sha": .string(commit),
          "siblings": .array(files.keys.sorted().map { ["rfilename": .string($0)] }),
        ]
        return SmallServer.Reply(200, body: Data(((try? list.serialized()) ?? "").utf8))
      }
      let prefix = "/\(model)/resolve/\(commit)/"
      guard request.path.hasPrefix(prefix) else { return SmallServer.Reply(404, ["X-Error-Code": "RepoNotFound"]) }
      let name = String(request.path.dropFirst(prefix.count))
      guard let data = files[name] else { return SmallServer.Reply(404, ["X-Error-Code": "EntryNotFound"]) }
      guard data.count >= largeFrom else {
        return SmallServer.Reply(
          200, ["ETag": "\"\(GitBlobDigest.of(data))\"", "X-Repo-Commit": commit], body: data)
      }
      return SmallServer.Reply(
        302,
        [
          "Location": "\(elsewhere)/signed/\(name)", "X-Linked-Etag": "\"\(SHA256Digest.of(data))\"",
          "X-Linked-Size": "\(data.count)", "ETag": "\"of-the-pointer\"", "X-Repo-Commit": commit,
        ])
    }
  }

  /// Both servers listen no more.
  public func stop() {
    hub.stop()
    store.stop()
  }
}
