import CarinaRuntime
import Foundation

/// Questions to the hub, asked again where a connection was cut or the hub asks for patience.
struct HubAsking {
  private let settings: HubSettings
  private let connection: HubConnection
  private let waits: [Double]
  private let shouldStop: () -> Bool
  let onProgress: (HubProgress) -> Void

  private static let mostRedirects = 10
  private static let longestWait = 600.0
  private static let mostListBytes = 64 << 20
  private static let mostFileBytes = 1 << 46

  init(
    _ settings: HubSettings, _ connection: HubConnection, waits: [Double], shouldStop: @escaping () -> Bool,
    onProgress: @escaping (HubProgress) -> Void
  ) {
    self.settings = settings
    self.connection = connection
    self.waits = waits
    self.shouldStop = shouldStop
    self.onProgress = onProgress
  }

  /// Called while another process has what is asked for.
  /// - Throws: when the run is to stop.
  func requireGoingOn() throws {
    if shouldStop() { throw HubConnection.interruption }
  }

  /// The commit that a revision is, and the names of the files in it.
  func files(_ model: String, revision: String) throws -> (commit: String, names: [String]) {
    let path = "/api/models/\(HubAddress.encoded(model, keepingSlashes: true))/revision/\(HubAddress.encoded(revision))"
    var text = Data()
    _ = try insisting {
      text = Data()
      return try follow(path) { address, headers in
        try connection.ask(address, headers: headers, accept: { $0.status == 200 }) { bytes in
          text.append(contentsOf: bytes)
          guard text.count <= HubAsking.mostListBytes else {
            throw CarinaError(.badData, "the hub's list of files is too long", at: model)
          }
        }
      }
    } refuse: {
      HubRefusal.error($0, settings, model: model, revision: revision)
    }
    let source = "\(settings.endpoint)\(path)", list = try JSONValue.parse(text, source: source)
    guard let commit = list["sha"]?.string, commit.count == 40, commit.utf8.allSatisfy({ $0.isHexDigit }),
      let siblings = list["siblings"]?.array
    else {
      throw CarinaError(.badData, "the hub's answer names no commit and no files", at: source)
    }
    return (commit, siblings.compactMap { $0["rfilename"]?.string }.filter(FileName.isSingle))
  }

  /// What the hub says of a file.
  func describe(_ name: String, of model: String, commit: String) throws -> HubFile {
    let reply = try insisting {
      try follow(HubAsking.path(name, model, commit)) { address, headers in
        try connection.ask(address, head: true, headers: headers)
      } isEnough: {
        $0.headers["x-linked-etag"] != nil
      }
    } refuse: {
      HubRefusal.error($0, settings, model: model, revision: commit, file: name)
    }
    var etag = reply.headers["x-linked-etag"] ?? reply.headers["etag"] ?? ""
    if etag.hasPrefix("W/") { etag.removeFirst(2) }
    etag = etag.trimmingCharacters(in: CharacterSet(charactersIn: "\""))
    // It becomes the name of a file.
    guard !etag.isEmpty, etag.utf8.count <= 128,
      etag.utf8.allSatisfy({ $0.isHexDigit || (0x61...0x7a).contains($0) || (0x41...0x5a).contains($0) || $0 == 0x2d })
    else {
      throw CarinaError(
        .badData, "the hub gives no checksum of \(name)", at: model, expected: "an ETag",
        found: etag.isEmpty ? "none" : etag)
    }
    let size = reply.headers["x-linked-size"] ?? (reply.status == 200 ? reply.headers["content-length"] : nil)
    guard let size else { return HubFile(name: name, etag: etag, byteCount: nil) }
    guard let byteCount = Int(size), (0...HubAsking.mostFileBytes).contains(byteCount) else {
      throw CarinaError(
        .badData, "the hub gives a length of \(name) that cannot be", at: model,
        expected: "0 to \(HubAsking.mostFileBytes) bytes", found: size)
    }
    return HubFile(name: name, etag: etag, byteCount: byteCount)
  }

  /// The content of a file from a byte on.
  /// - Parameters:
  ///   - firstByte: asked before each try: how much is there.
  ///   - begin: called before the first piece with the offset of what comes: 0 where the server knows no ranges.
  func read(
    _ file: HubFile, of model: String, commit: String, firstByte: () -> Int, begin: (Int) throws -> Void,
    body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    _ = try insisting {
      let first = firstByte()
      if let whole = file.byteCount, first >= whole { return HubConnection.Reply(status: 200, headers: [:]) }
      let reply = try follow(HubAsking.path(file.name, model, commit)) { address, headers in
        try connection.ask(
          address, headers: headers, firstByte: first,
          accept: { reply in
            guard reply.status == 200 || reply.status == 206 else { return false }
            let start = reply.status == 200 ? 0 : HubAsking.start(reply.headers["content-range"]) ?? first
            guard start == first || start == 0 else {
              throw CarinaError(
                .badData, "the hub sent another part of \(file.name) than was asked for", at: model,
                expected: "byte \(first)", found: "\(start)")
            }
            try begin(start)
            return true
          }, body: body)
      }
      // A body without a length ends where the connection does.
      if let whole = file.byteCount, reply.status == 200 || reply.status == 206, firstByte() < whole {
        throw HubConnection.Failure.cut("\(file.name) ended after \(firstByte()) of \(whole) bytes")
      }
      return reply
    } progress: {
      firstByte()
    } refuse: {
      HubRefusal.error($0, settings, model: model, revision: commit, file: file.name)
    }
  }

  private static func path(_ name: String, _ model: String, _ commit: String) -> String {
    "/\(HubAddress.encoded(model, keepingSlashes: true))/resolve/\(commit)/\(HubAddress.encoded(name))"
  }

  /// The first number of `bytes 5-9/10`.
  private static func start(_ range: String?) -> Int? {
    guard let range, range.hasPrefix("bytes ") else { return nil }
    return Int(range.dropFirst("bytes ".count).prefix { $0.isASCII && $0.isNumber })
  }

  // MARK: - Asking again

  /// Asks under an address of the hub and wherever that leads; the token goes to the hub alone.
  private func follow(
    _ path: String, _ ask: (HubAddress, [String]) throws -> HubConnection.Reply,
    isEnough: (HubConnection.Reply) -> Bool = { _ in false }
  ) throws -> HubConnection.Reply {
    guard let hub = HubAddress(settings.endpoint), var address = HubAddress(settings.endpoint + path) else {
      throw CarinaError(.internalFailure, "no address", at: path)
    }
    for _ in 0...HubAsking.mostRedirects {
      var headers = ["User-Agent: carina/\(CarinaVersion.current)", "Accept-Encoding: identity"]
      if let token = settings.token, address.origin == hub.origin { headers.append("Authorization: Bearer \(token)") }
      let reply = try ask(address, headers)
      guard [301, 302, 303, 307, 308].contains(reply.status), !isEnough(reply) else {
        // A link elsewhere lives for minutes; what answers there is not the hub's word on the model.
        if address.origin != hub.origin, reply.status >= 400, reply.status != 416 {
          throw HubConnection.Failure.cut("\(address.origin) answered \(reply.status)")
        }
        return reply
      }
      guard let next = reply.headers["location"].flatMap({ address.redirected(to: $0) }),
        !(address.origin.hasPrefix("https:") && next.origin.hasPrefix("http:"))
      else {
        throw CarinaError(
          .badData, "the hub leads to an address that is none", at: address.origin, found: reply.headers["location"])
      }
      address = next
    }
    throw CarinaError(
      .badData, "the hub leads from address to address", at: settings.endpoint,
      expected: "at most \(HubAsking.mostRedirects) redirects")
  }

  /// Tries again after a pause where that may help; a try that brought something begins the count anew.
  private func insisting(
    _ ask: () throws -> HubConnection.Reply, progress: () -> Int = { 0 },
    refuse: (HubConnection.Reply) -> CarinaError
  ) throws -> HubConnection.Reply {
    var tries = 0, before = progress()
    while true {
      try requireGoingOn()
      let reason: String
      var seconds: Double?
      do {
        let reply = try ask()
        switch reply.status {
        case 200..<400: return reply
        case 429, 500..<600:
          reason = reply.status == 429 ? "the hub asks for patience (429)" : "the hub answered \(reply.status)"
          seconds = reply.headers["retry-after"].flatMap { Double($0) }.flatMap { $0.isNaN ? nil : $0 }
        default: throw refuse(reply)
        }
      } catch HubConnection.Failure.cut(let message) {
        reason = message
      } catch HubConnection.Failure.lasting(let error) {
        throw error
      }
      let now = progress()
      if now > before { tries = 0 }
      before = now
      guard tries < waits.count else {
        throw CarinaError(
          .missingInput, "the hub does not answer as it should, after \(tries + 1) tries: \(reason)",
          at: settings.endpoint,
          remedy: "Check the network and give the same command again: it goes on where it stopped.")
      }
      let pause = max(seconds ?? 0, waits[tries])
      guard pause <= HubAsking.longestWait else {
        throw CarinaError(
          .missingInput, reason, at: settings.endpoint, expected: "a pause of at most \(Int(HubAsking.longestWait)) s",
          found: "\(Int(min(pause, 1e9))) s", remedy: "Give the same command again later: it goes on where it stopped.")
      }
      tries += 1
      onProgress(.waiting(seconds: pause, reason: reason))
      let end = ProcessInfo.processInfo.systemUptime + pause
      while ProcessInfo.processInfo.systemUptime < end {
        try requireGoingOn()
        Thread.sleep(forTimeInterval: min(0.2, pause))
      }
    }
  }
}

extension UInt8 {
  fileprivate var isHexDigit: Bool {
    (0x30...0x39).contains(self) || (0x61...0x66).contains(self) || (0x41...0x46).contains(self)
  }
}
