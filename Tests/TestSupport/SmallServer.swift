import Foundation
import Synchronization

/// A web server on this machine that answers each request by a closure and writes down what was asked. Every answer ends its
/// connection.
public final class SmallServer: Sendable {
  /// What was asked.
  public struct Request: Sendable {
    /// `GET` or `HEAD`, and the path with the query.
    public let method: String, path: String
    /// Names in small letters.
    public let headers: [String: String]
  }

  /// What is answered.
  public struct Reply: Sendable {
    /// The code.
    public var status: Int
    /// Headers besides the length.
    public var headers: [String: String]
    /// The body; of `HEAD` its length alone is told.
    public var body: Data
    /// After how many bytes of the body the connection is cut; nil for never.
    public var cutAfter: Int?

    /// Collects the values.
    public init(_ status: Int, _ headers: [String: String] = [:], body: Data = Data(), cutAfter: Int? = nil) {
      self.status = status
      self.headers = headers
      self.body = body
      self.cutAfter = cutAfter
    }
  }

  /// `http://127.0.0.1:PORT`.
  public let address: String
  private let listener: Int32
  private let asked = Mutex<[Request]>([]), isStopped = Mutex(false)

  /// All requests so far, in order.
  public var requests: [Request] { asked.withLock { $0 } }

  /// Begins to listen.
  public init(_ answer: @escaping @Sendable (Request) -> Reply) throws {
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var own = sockaddr_in()
    own.sin_family = sa_family_t(AF_INET)
    own.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let size = length, file = listener
    let port: UInt16? = withUnsafeMutablePointer(to: &own) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        guard bind(file, address, size) == 0, listen(file, 64) == 0, getsockname(file, address, &length) == 0 else {
          return nil
        }
        return UInt16(bigEndian: UnsafeRawPointer(address).load(fromByteOffset: 2, as: UInt16.self))
      }
    }
    guard let port else { throw POSIXError(.EADDRINUSE) }
    address = "http://127.0.0.1:\(port)"
    let thread = Thread { [weak self] in
      while true {
        let connection = accept(file, nil, nil)
        guard connection >= 0 else {
          if errno == EINTR || errno == ECONNABORTED { continue }
          // Here and not in `stop`: until this thread asks no more, the number must not become another server's.
          self?.isStopped.withLock { $0 = true }
          close(file)
          return
        }
        guard let self else {
          close(connection)
          continue
        }
        Thread.detachNewThread { self.serve(connection, answer) }
      }
    }
    thread.start()
  }

  deinit { stop() }

  /// Listens no more.
  public func stop() {
    let wasStopped = isStopped.withLock { isStopped in
      defer { isStopped = true }
      return isStopped
    }
    if !wasStopped { shutdown(listener, Int32(SHUT_RDWR)) }
  }

  private func serve(_ connection: Int32, _ answer: (Request) -> Reply) {
    defer { close(connection) }
    var text = Data(), buffer = [UInt8](repeating: 0, count: 4096)
    while text.range(of: Data("\r\n\r\n".utf8)) == nil {
      let count = recv(connection, &buffer, buffer.count, 0)
      guard count > 0, text.count < 1 << 16 else { return }
      text.append(contentsOf: buffer[..<count])
    }
    let lines = String(decoding: text, as: UTF8.self).components(separatedBy: "\r\n")
    let words = lines[0].split(separator: " ")
    guard words.count == 3 else { return }
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
    let request = Request(method: String(words[0]), path: String(words[1]), headers: headers)
    asked.withLock { $0.append(request) }
    let reply = answer(request)
    var head = "HTTP/1.1 \(reply.status) X\r\nConnection: close\r\n"
    if reply.headers["Content-Length"] == nil { head += "Content-Length: \(reply.body.count)\r\n" }
    // An empty length is for none.
    for (name, value) in reply.headers where !value.isEmpty { head += "\(name): \(value)\r\n" }
    send(Data((head + "\r\n").utf8), to: connection)
    guard request.method != "HEAD" else { return }
    send(reply.cutAfter.map { reply.body.prefix($0) } ?? reply.body, to: connection)
    shutdown(connection, Int32(SHUT_WR))
    // A close with unread bytes would take the last of what was sent back.
    if reply.cutAfter == nil { _ = recv(connection, &buffer, buffer.count, 0) }
  }

  private func send(_ data: Data, to connection: Int32) {
    data.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
      var sent = 0
      while sent < bytes.count, let start = bytes.baseAddress {
        let count = Foundation.send(connection, start + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
        guard count > 0 else { return }
        sent += count
      }
    }
  }
}
