import CarinaHub
import CarinaRuntime
import Foundation
import Synchronization
import TestSupport
import Testing

/// Downloads from an imitation of the hub on this machine.
@Suite("Downloads from the hub") struct HubDownloadTests {
  private static let model = "acme/tiny-vit"
  private let home: TemporaryDirectory

  init() throws { home = try TemporaryDirectory() }

  private var cache: String { home.file("hub") }
  private var repository: String { "\(cache)/models--acme--tiny-vit" }
  private var snapshot: String { "\(repository)/snapshots/\(SmallHub.commit)" }

  private static func bytes(_ count: Int, seed: UInt8 = 0) -> Data {
    Data((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) &+ seed })
  }

  private let files: [String: Data] = [
    "config.json": Data(#"{"model_type": "siglip_vision_model"}"#.utf8), "model.safetensors": bytes(300_000),
    "preprocessor_config.json": Data("{}".utf8), "README.md": Data("# Tiny".utf8),
    "pytorch_model.bin": bytes(5000, seed: 1),
    "onnx/model.onnx": bytes(2000), "tokenizer.json": bytes(1500, seed: 2),
  ]
  private static let wanted = ["config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json"]

  /// Fetches with the settings of this environment, without long waits.
  @discardableResult
  private func fetch(
    _ address: String, _ environment: [String: String] = [:], revision: String? = nil, waits: [Double] = [0, 0],
    shouldStop: @escaping () -> Bool = { false }
  ) throws -> [HubProgress] {
    var environment = environment
    environment["HF_ENDPOINT"] = environment["HF_ENDPOINT"] ?? address
    var download = HubDownload(try HubSettings(environment: environment))
    download.waits = waits
    download.shouldStop = shouldStop
    var told: [HubProgress] = []
    download.onProgress = { told.append($0) }
    try download.fetch(Self.model, revision: revision, into: cache)
    return told
  }

  private func refusal(_ body: () throws -> Void) -> CarinaError? {
    do {
      try body()
      Issue.record("nothing was thrown")
    } catch let error as CarinaError {
      return error
    } catch {
      Issue.record("\(error) was thrown")
    }
    return nil
  }

  private func expectWhole(_ names: [String] = Self.wanted) throws {
    #expect(try FileManager.default.contentsOfDirectory(atPath: snapshot).sorted() == names)
    for name in names {
      let target = try FileManager.default.destinationOfSymbolicLink(atPath: "\(snapshot)/\(name)")
      #expect(target.hasPrefix("../../blobs/"))
      #expect(try Data(contentsOf: URL(fileURLWithPath: "\(snapshot)/\(name)")) == files[name])
    }
    let blobs = try FileManager.default.contentsOfDirectory(atPath: "\(repository)/blobs")
    #expect(blobs.count == names.count && !blobs.contains { $0.hasSuffix(".incomplete") })
  }

  @Test("a model comes in the cache's own layout; the token goes to the hub alone; nothing is fetched twice")
  func layout() throws {
    let hub = try SmallHub(Self.model, files)
    try AtomicFile.write("hf_secret\n", to: home.file("token"))
    let told = try fetch(hub.address, ["HF_HOME": home.path])
    try expectWhole()
    #expect(try String(contentsOfFile: "\(repository)/refs/main", encoding: .utf8) == SmallHub.commit)
    #expect(
      FileManager.default.fileExists(
        atPath: "\(repository)/blobs/\(SHA256Digest.of(files["model.safetensors"] ?? Data()))"))
    #expect(hub.requests.allSatisfy { $0.headers["authorization"] == "Bearer hf_secret" })
    #expect(hub.storeRequests.count == 2 && hub.storeRequests.allSatisfy { $0.headers["authorization"] == nil })
    guard case .found(Self.model, SmallHub.commit, 4, let count)? = told.first, case .finished? = told.last else {
      Issue.record("\(told)")
      return
    }
    #expect(count == Self.wanted.reduce(0) { $0 + (files[$1]?.count ?? 0) })
    let before = hub.storeRequests.count
    try fetch(hub.address, ["HF_HOME": home.path])
    #expect(hub.storeRequests.count == before && hub.requests.filter { $0.method == "GET" }.count == 2 * 1 + 4)
  }

  @Test("a connection that is cut in the middle goes on with the rest")
  func cut() throws {
    let whole = files["model.safetensors"] ?? Data()
    let hub = try SmallHub(Self.model, files) { request, count in
      guard request.path.hasPrefix("/signed/model"), count < 2 else { return nil }
      let start = request.headers["range"].flatMap { Int($0.dropFirst(6).dropLast()) } ?? 0
      return SmallServer.Reply(
        start == 0 ? 200 : 206,
        start == 0 ? [:] : ["Content-Range": "bytes \(start)-\(whole.count - 1)/\(whole.count)"],
        body: whole.dropFirst(start), cutAfter: 100_000)
    }
    let told = try fetch(hub.address, waits: [0])
    try expectWhole()
    let ranges = hub.storeRequests.filter { $0.path.contains("model.safetensors") }.map { $0.headers["range"] }
    #expect(ranges == [nil, "bytes=100000-", "bytes=200000-"])
    #expect(told.filter { if case .waiting = $0 { true } else { false } }.count == 2)
  }

  @Test(
    "what a killed process left is gone on with; what does not fit is fetched anew; a server without ranges begins anew",
    arguments: [true, false])
  func leftOver(knowsRanges: Bool) throws {
    let whole = files["model.safetensors"] ?? Data(), tokenizer = files["tokenizer.json"] ?? Data()
    let hub = try SmallHub(Self.model, files, knowsRanges: knowsRanges)
    try AtomicFile.write(whole.prefix(123_456), to: "\(repository)/blobs/\(SHA256Digest.of(whole)).incomplete")
    try AtomicFile.write(Data(count: 700), to: "\(repository)/blobs/\(SHA256Digest.of(tokenizer)).incomplete")
    let told = try fetch(hub.address)
    try expectWhole()
    #expect(hub.storeRequests.first?.headers["range"] == "bytes=123456-")
    let remarks = told.compactMap { if case .remark(let text) = $0 { text } else { nil } }
    #expect(remarks.count == (knowsRanges ? 1 : 0), "\(remarks)")
  }

  @Test("a body without a length that ends early goes on with the rest; a redirect may be relative")
  func endsEarly() throws {
    let whole = files["model.safetensors"] ?? Data()
    let hub = try SmallHub(Self.model, files) { request, count in
      if request.method == "GET", request.path.hasSuffix("resolve/\(SmallHub.commit)/config.json"), count == 0 {
        return SmallServer.Reply(302, ["Location": "config.json"])
      }
      return request.path.hasPrefix("/signed/model") && count == 0
        ? SmallServer.Reply(200, ["Content-Length": ""], body: whole.prefix(1 << 17)) : nil
    }
    let told = try fetch(hub.address)
    try expectWhole()
    #expect(told.contains { if case .waiting(_, let reason) = $0 { reason.contains("ended after") } else { false } })
    #expect(hub.storeRequests.contains { $0.headers["range"] == "bytes=\(1 << 17)-" })
  }

  @Test("what another process fetches is waited for, said, and left when the run is stopped")
  func taken() throws {
    let hub = try SmallHub(Self.model, files),
      locks = "\(cache)/.locks/models--\(Self.model.replacing("/", with: "--"))"
    try fetch(hub.address)
    let lockFiles = try FileManager.default.contentsOfDirectory(atPath: locks)
    try FileManager.default.removeItem(atPath: repository)
    let held = try lockFiles.map { try FileLock("\(locks)/\($0)") }
    let isSaid = Mutex(false)
    var download = HubDownload(try HubSettings(environment: ["HF_ENDPOINT": hub.address]))
    download.onProgress = {
      if case .remark(let text) = $0, text.contains("another process") { isSaid.withLock { $0 = true } }
    }
    download.shouldStop = { isSaid.withLock { $0 } }
    #expect(refusal { try download.fetch(Self.model, revision: nil, into: cache) }?.kind == .interrupted)
    #expect(isSaid.withLock { $0 })
    withExtendedLifetime(held) {}
  }

  @Test("a run that is stopped says so, and the next one goes on")
  func stopped() throws {
    let hub = try SmallHub(Self.model, files), count = Mutex(0)
    let error = refusal {
      try fetch(
        hub.address,
        shouldStop: {
          count.withLock {
            $0 += 1; return $0 > 12
          }
        })
    }
    #expect(error?.kind == .interrupted)
    #expect(!FileManager.default.fileExists(atPath: "\(repository)/refs/main"))
    #expect(!FileManager.default.fileExists(atPath: snapshot))
    try fetch(hub.address)
    try expectWhole()
  }

  @Test(
    "content that is not what the hub says is refused, and not kept", arguments: ["model.safetensors", "config.json"])
  func damaged(name: String) throws {
    let whole = files[name] ?? Data()
    let hub = try SmallHub(Self.model, files) { request, _ in
      guard request.method == "GET", request.path.hasSuffix("/\(name)"),
        name == "config.json" || request.path.hasPrefix("/signed")
      else { return nil }
      var other = whole
      other[other.count / 2] ^= 1
      return SmallServer.Reply(200, body: other)
    }
    let error = refusal { try fetch(hub.address) }
    #expect(error?.kind == .badData && error?.description.contains(name) == true, "\(String(describing: error))")
    let left = try FileManager.default.contentsOfDirectory(atPath: "\(repository)/blobs")
    #expect(!left.contains { $0.hasSuffix(".incomplete") } && left.count < 4)
    #expect(!FileManager.default.fileExists(atPath: snapshot))
  }

  @Test(
    "refusals are told apart",
    arguments: [
      (401, "RepoNotFound", "", "no such model"), (404, "RepoNotFound", "", "no such model"),
      (401, "GatedRepo", "", "is gated"), (403, "GatedRepo", "", "Accept them at"),
      (404, "RevisionNotFound", "", "no revision main"),
      (401, "", "Invalid credentials in Authorization header", "token is not valid"),
      (403, "", "Access to this resource is disabled.", "disabled"), (403, "", "", "refuses the model"),
      (400, "", "", "Check the name (ORG/NAME) and the revision main"), (400, "", "", "HF_ENDPOINT"),
      (400, "", "Invalid rev id", "Invalid rev id"), (416, "", "", "Remove what ends in .incomplete from models--"),
      (418, "", "", "refuses the request"),
    ])
  func refusals(status: Int, code: String, said: String, words: String) throws {
    let server = try SmallServer { _ in
      SmallServer.Reply(status, ["X-Error-Code": code, "X-Error-Message": said].filter { !$0.value.isEmpty })
    }
    let error = try #require(refusal { try fetch(server.address) })
    #expect(error.kind == .missingInput && error.description.contains(words), "\(error)")
    #expect(server.requests.count == 1)
    if code == "GatedRepo" { #expect(error.description.contains("hf auth login")) }
    let known = try #require(refusal { try fetch(server.address, ["HF_TOKEN": "hf_x"]) })
    #expect(!known.description.contains("hf_x"))
    #expect(server.requests.last?.headers["authorization"] == "Bearer hf_x")
  }

  @Test("the hub's wish for patience is followed, within limits, and faults of a server are tried again")
  func patience() throws {
    let hub = try SmallHub(Self.model, files) { request, count in
      if request.path.hasPrefix("/api"), count < 2 {
        return count == 0 ? SmallServer.Reply(429, ["Retry-After": "0"]) : SmallServer.Reply(503)
      }
      // A link that is too old.
      return request.path.hasPrefix("/signed/tok") && count == 0 ? SmallServer.Reply(403) : nil
    }
    let told = try fetch(hub.address)
    try expectWhole()
    let reasons = told.compactMap { if case .waiting(_, let reason) = $0 { reason } else { nil } }
    #expect(
      reasons.count == 3 && reasons[0].contains("429") && reasons[1].contains("503") && reasons[2].contains("403"))
    for (reply, count) in [(SmallServer.Reply(429, ["Retry-After": "3600"]), 1), (SmallServer.Reply(500), 3)] {
      let server = try SmallServer { _ in reply }
      let error = try #require(refusal { try fetch(server.address) })
      #expect(error.kind == .missingInput && error.remedy?.contains("same command") == true, "\(error)")
      #expect(server.requests.count == count)
    }
  }

  @Test("no network, none allowed, and nobody who answers")
  func unreachable() throws {
    for name in ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"] {
      let error = try #require(refusal { try fetch("http://127.0.0.1:1", [name: "1"]) })
      #expect(error.kind == .usage && error.what.contains(name))
    }
    let silent = try #require(refusal { try fetch("http://127.0.0.1:1") })
    #expect(silent.kind == .missingInput && silent.description.contains("after 3 tries"), "\(silent)")
    let nowhere = try #require(refusal { try fetch("http://no-such-host.invalid") })
    #expect(nowhere.kind == .missingInput && nowhere.description.contains("no-such-host"), "\(nowhere)")
    for endpoint in ["huggingface.co", "ftp://x", "https://", "https://u:p@x"] {
      #expect(refusal { try fetch("", ["HF_ENDPOINT": endpoint]) }?.kind == .usage)
    }
    #expect(refusal { try fetch("http://127.0.0.1:1", ["HF_TOKEN": "a\nb"]) }?.kind == .usage)
  }

  @Test("shards are those of the index; a lack of them, and of all weights, is told before they are fetched")
  func shards() throws {
    let index = #"{"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}"#
    var parted: [String: Data] = ["config.json": Data("{}".utf8), "model.safetensors.index.json": Data(index.utf8)]
    parted["model-00001-of-00002.safetensors"] = Self.bytes(4000)
    parted["consolidated.safetensors"] = Self.bytes(9000)
    let lacking = try SmallHub(Self.model, parted)
    #expect(refusal { try fetch(lacking.address) }?.found == "no model-00002-of-00002.safetensors")
    parted["model-00002-of-00002.safetensors"] = Self.bytes(3000, seed: 5)
    let hub = try SmallHub(Self.model, parted)
    try fetch(hub.address)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: snapshot).sorted()
        == parted.keys.filter { $0 != "consolidated.safetensors" }.sorted())
    let none = try SmallHub(Self.model, ["config.json": Data("{}".utf8), "pytorch_model.bin": Data()])
    #expect(refusal { try fetch(none.address) }?.found == "pytorch_model.bin")
  }

  @Test("a branch with a slash has its reference, a commit has none")
  func revisions() throws {
    let hub = try SmallHub(Self.model, files, revisions: ["main", "refs/pr/1"])
    try fetch(hub.address, revision: "refs/pr/1")
    #expect(hub.requests.first?.path.hasSuffix("/revision/refs%2Fpr%2F1") == true)
    #expect(try String(contentsOfFile: "\(repository)/refs/refs/pr/1", encoding: .utf8) == SmallHub.commit)
    try fetch(hub.address, revision: SmallHub.commit)
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(repository)/refs") == ["refs"])
    try expectWhole()
  }

  @Test("a hostile hub leads nowhere")
  func hostile() throws {
    func error(_ override: @escaping @Sendable (SmallServer.Request) -> SmallServer.Reply?) throws -> CarinaError {
      let hub = try SmallHub(Self.model, files) { request, _ in override(request) }
      return try #require(refusal { try fetch(hub.address) })
    }
    let circle = try error { SmallServer.Reply(302, ["Location": $0.path]) }
    #expect(circle.kind == .badData && circle.description.contains("address to address"))
    let elsewhere = try error { _ in SmallServer.Reply(302, ["Location": "file:///etc/passwd"]) }
    #expect(elsewhere.kind == .badData && elsewhere.description.contains("none"))
    for etag in ["../../../x", "", "a/b", String(repeating: "a", count: 200)] {
      let name = try error { $0.method == "HEAD" ? SmallServer.Reply(200, ["ETag": "\"\(etag)\""]) : nil }
      #expect(name.kind == .badData && name.description.contains("checksum"), "\(name)")
    }
    for list in ["{}", #"{"sha": "../..", "siblings": []}"#, "[", ""] {
      let answer = try error { $0.path.hasPrefix("/api") ? SmallServer.Reply(200, body: Data(list.utf8)) : nil }
      #expect(answer.kind == .badData, "\(answer)")
    }
    for size in ["9223372036854775807", "-1", "many"] {
      let length = try error {
        $0.method == "HEAD" ? SmallServer.Reply(200, ["ETag": "\"ab\"", "X-Linked-Size": size]) : nil
      }
      #expect(length.kind == .badData && length.description.contains("a length of"), "\(length)")
    }
    let long = try error { $0.path.hasPrefix("/signed") ? SmallServer.Reply(200, body: Data(count: 1 << 20)) : nil }
    #expect(long.kind == .badData && long.description.contains("more of"), "\(long)")
    let up = try SmallHub(Self.model, files.merging(["../up.json": Data("x".utf8)]) { $1 })
    try fetch(up.address)
    try expectWhole()
  }

  @Test("git's names of contents")
  func gitNames() {
    for (text, name) in [
      ("", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"), ("hello", "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"),
    ] { #expect(GitBlobDigest.of(Data(text.utf8)) == name) }
    // Across the lengths at which a block is filled; `git hash-object` of as many a.
    for (count, name) in Self.gitNames {
      #expect(GitBlobDigest.of(Data(repeating: 0x61, count: count)) == name, "\(count)")
    }
  }

  private static let gitNames = [
    (46, "50b3bbe915fe104dbbb6786fdcfa310bcfc25d4e"),
    (47, "5e3bf7e629b4908cce461530c17a64365cb47303"),
    (48, "12d42395b020f44bb7710113b31f688d0ebeda7c"),
    (54, "60704cd2c753c0419b5d235cbf244ec4c696cded"),
    (55, "d1985ddc2983785702b9a90effd5aff2f7cfdca4"),
    (56, "1f973e890f52da1f22fa7e5620a628bc4ee74cb3"),
    (57, "d28c6cde5a5ab0b138bd53a288c23e8c011c4171"),
    (64, "71b7a71962774fa5c721e1163f935cb61a0e09e6"),
    (119, "1325c3d76ea6a66e75dce490a0b8cb8b12233ee0"),
    (1000, "a50be72b20f0e3f078d252e8e56b11b4bec67509"),
  ]
}
