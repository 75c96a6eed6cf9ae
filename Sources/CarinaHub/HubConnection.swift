import CHubTransfer
import CarinaRuntime
import Foundation

/// Asks servers, one request after the other, over connections that are kept.
final class HubConnection {
  /// What a server answered.
  struct Reply {
    /// The code, 200 and so on.
    let status: Int
    /// Names in small letters.
    let headers: [String: String]
  }

  /// Why there is no whole answer.
  enum Failure: Error {
    /// The connection was not made, or ended early: worth another try.
    case cut(String)
    /// It will not be otherwise next time.
    case lasting(CarinaError)
  }

  private let session: OpaquePointer
  private let certificates: String?
  private let shouldStop: () -> Bool

  /// - Parameter shouldStop: asked at least once a second while a transfer goes.
  /// - Throws: `CarinaError.internalFailure` where libcurl does not begin.
  init(certificates: String?, shouldStop: @escaping () -> Bool) throws {
    guard let session = carina_hub_begin() else {
      throw CarinaError(.internalFailure, "libcurl cannot be used")
    }
    self.session = session
    self.certificates = certificates
    self.shouldStop = shouldStop
  }

  deinit { carina_hub_end_session(session) }

  /// Asks once; a redirect is an answer.
  /// - Parameters:
  ///   - firstByte: bytes at the beginning that are there already.
  ///   - accept: called once with the reply's header, before the first piece of the body: whether the body is wanted.
  ///   - body: takes a piece of it.
  /// - Throws: `Failure`; what `accept` and `body` throw.
  func ask(
    _ address: HubAddress, head: Bool = false, headers: [String], firstByte: Int = 0,
    accept: (Reply) throws -> Bool = { _ in true }, body: (UnsafeRawBufferPointer) throws -> Void = { _ in }
  ) throws -> Reply {
    try withoutActuallyEscaping(accept) { accept in
      try withoutActuallyEscaping(body) { body in
        let transfer = Transfer(accept, body, shouldStop)
        var status = 0
        // libcurl's own way to resume takes an answer with the whole file for an error.
        let range = firstByte > 0 ? ["Range: bytes=\(firstByte)-"] : []
        let end = transfer.run(session, address.text, head, headers + range, certificates, &status)
        if let error = transfer.error { throw error }
        let message = String(cString: carina_hub_message(session))
        switch end {
        case CARINA_HUB_DONE: break
        case CARINA_HUB_STOPPED:
          guard transfer.isUnwanted else { throw Failure.lasting(HubConnection.interruption) }
        case CARINA_HUB_CUT: throw Failure.cut(message)
        default:
          throw Failure.lasting(
            CarinaError(
              .missingInput, "the hub cannot be asked: \(message)", at: address.origin,
              remedy: end == CARINA_HUB_UNTRUSTED
                ? "Name the certificates of your network in SSL_CERT_FILE." : "Check the network and HF_ENDPOINT."))
        }
        return Reply(status: status, headers: transfer.headers)
      }
    }
  }

  static let interruption = CarinaError(
    .interrupted, "stopped while a model was fetched",
    remedy: "Give the same command again: it goes on where it stopped.")
}

/// What the callbacks of one transfer share.
private final class Transfer {
  private(set) var headers: [String: String] = [:]
  private(set) var error: Error?
  /// Whether the body was refused.
  private(set) var isUnwanted = false
  private var status = 0, isAccepted = false, headerByteCount = 0
  private let accept: (HubConnection.Reply) throws -> Bool
  private let body: (UnsafeRawBufferPointer) throws -> Void
  private let shouldStop: () -> Bool

  init(
    _ accept: @escaping (HubConnection.Reply) throws -> Bool, _ body: @escaping (UnsafeRawBufferPointer) throws -> Void,
    _ shouldStop: @escaping () -> Bool
  ) {
    self.accept = accept
    self.body = body
    self.shouldStop = shouldStop
  }

  func run(
    _ session: OpaquePointer, _ url: String, _ head: Bool, _ headers: [String], _ certificates: String?,
    _ status: inout Int
  ) -> carina_hub_end {
    var listener = carina_hub_listener()
    listener.context = Unmanaged.passUnretained(self).toOpaque()
    listener.header = { Transfer.at($0).take(line: UnsafeRawBufferPointer(start: $1, count: $2)) }
    listener.body = { Transfer.at($0).take(UnsafeRawBufferPointer(start: $1, count: $2)) }
    listener.pause = { Transfer.at($0).shouldStop() ? 1 : 0 }
    let lines = headers.map { strdup($0) }
    defer { lines.forEach { free($0) } }
    var code = 0
    let end = lines.map { UnsafePointer($0) }.withUnsafeBufferPointer { lines in
      url.withCString { url in
        func ask(_ certificates: UnsafePointer<CChar>?) -> carina_hub_end {
          var request = carina_hub_request()
          request.url = url
          request.is_head = head ? 1 : 0
          request.headers = lines.baseAddress
          request.header_count = lines.count
          request.certificates = certificates
          return carina_hub_ask(session, &request, &listener, &code)
        }
        return certificates.map { $0.withCString(ask) } ?? ask(nil)
      }
    }
    status = code
    return end
  }

  private static func at(_ context: UnsafeMutableRawPointer?) -> Transfer {
    Unmanaged<Transfer>.fromOpaque(context!).takeUnretainedValue()
  }

  private func take(line: UnsafeRawBufferPointer) -> Int32 {
    headerByteCount += line.count
    guard headerByteCount <= 1 << 20 else {
      error = CarinaError(.badData, "the header of a server's answer is too long")
      return 1
    }
    let text = String(decoding: line, as: UTF8.self)
    if text.hasPrefix("HTTP/") {
      // Another answer begins: after `100 Continue`, or behind a proxy.
      headers = [:]
      status = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    } else if let colon = text.firstIndex(of: ":") {
      let value = text[text.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
      headers[text[..<colon].lowercased()] = String(value)
    }
    return 0
  }

  private func take(_ bytes: UnsafeRawBufferPointer) -> Int32 {
    do {
      if !isAccepted {
        isAccepted = true
        guard try accept(HubConnection.Reply(status: status, headers: headers)) else {
          isUnwanted = true
          return 1
        }
      }
      try body(bytes)
      return 0
    } catch {
      self.error = error
      return 1
    }
  }
}
