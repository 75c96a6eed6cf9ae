import CarinaRuntime
import Foundation
import TestSupport
import Testing

@Suite("Files of others") struct ReadableFileTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func error(_ body: () throws -> Void) -> CarinaError? {
    do { try body() } catch { return error as? CarinaError }
    return nil
  }

  /// A file of nothing but a length.
  private func sparse(_ name: String, _ byteCount: Int) throws -> String {
    let path = directory.file(name)
    try Data().write(to: URL(fileURLWithPath: path))
    try #require(truncate(path, off_t(byteCount)) == 0)
    return path
  }

  /// Every way in which this module opens a file.
  private func readings(_ path: String) -> [() throws -> Void] {
    [
      { _ = try ReadableFile.read(path, limit: .document) }, { _ = try JSONValue.parseFile(path) },
      { _ = try SHA256Digest.ofFile(path) }, { _ = try MappedFile(path: path) }, { _ = try LineReader(path) },
      { fclose(try ReadableFile.stream(path)) },
    ]
  }

  @Test("a pipe, a socket and a device are refused before they are opened, a directory and nothing as missing")
  func kinds() throws {
    let pipe = directory.file("pipe"), socket = "/tmp/carina-\(getpid())-socket"
    try #require(mkfifo(pipe, 0o600) == 0)
    let descriptor = Foundation.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer {
      close(descriptor)
      unlink(socket)
    }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: socket.utf8) }
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(bound == 0)
    for (path, found) in [(pipe, "a pipe"), (socket, "a socket"), ("/dev/zero", "a device")] {
      for reading in readings(path) {
        let error = error(reading)
        #expect(error?.kind == .badData && error?.location == path && error?.found == found, "\(path): \(error as Any)")
      }
    }
    for reading in readings(directory.file("nothing")) { #expect(error(reading)?.kind == .missingInput) }
    for reading in readings(directory.path) { #expect(error(reading)?.what == "is a directory") }
  }

  @Test(
    "a name with a NUL is refused where it is opened and where it is written, and nothing of a shorter name is made")
  func nul() throws {
    try AtomicFile.write("{}", to: directory.file("real"))
    let path = directory.file("real") + "\0.json"
    for reading in readings(path) {
      let error = error(reading)
      #expect(error?.kind == .badData && error?.what.contains("NUL") == true, "\(error as Any)")
    }
    #expect(error { try AtomicFile.write("x", to: directory.file("new\0.txt")) }?.kind == .badData)
    #expect(error { try AtomicFile.makeDirectory(directory.file("new\0")) }?.kind == .badData)
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["real"])
  }

  @Test("a file above its limit is refused with limit and size before it is read; one at the limit is read")
  func limits() throws {
    let limit = InputLimit("a thing", mebibytes: 1)
    #expect(try ReadableFile.read(try sparse("whole", 1 << 20), limit: limit).count == 1 << 20)
    let path = try sparse("long", (1 << 20) + 1)
    let error = error { _ = try ReadableFile.read(path, limit: limit) }
    #expect(error?.kind == .badData && error?.expected == "at most 1 MiB" && error?.found == "1048577 bytes")
    for reading in [{ _ = try JSONValue.parseFile($0) }, { _ = try LineReader($0) }] as [(String) throws -> Void] {
      let huge = try sparse("huge", 5 << 30)
      #expect(self.error { try reading(huge) }?.kind == .badData)
    }
  }

  @Test("lines come one by one with numbers and ends, whatever their lengths and however they end")
  func lines() throws {
    let long = String(repeating: "long ", count: 40_000)
    for (text, expected) in [
      ("", []), ("\n", [""]), ("a\n\nb", ["a", "", "b"]), ("a\r\nb\n", ["a\r", "b"]),
      ("\(long)\nx\(long)", [long, "x\(long)"]),
    ] {
      let path = directory.file("lines")
      try AtomicFile.write(text, to: path)
      for reader in [try LineReader(path), LineReader(Data(text.utf8), source: "memory")] {
        var found: [String] = []
        while let line = try reader.next() {
          found.append(String(decoding: line, as: UTF8.self))
          #expect(reader.number == found.count)
        }
        #expect(found == expected && reader.offset == text.utf8.count)
        #expect(found.isEmpty || reader.isTerminated == text.hasSuffix("\n"))
      }
    }
    let endless = try LineReader(try sparse("endless", 3 << 30))
    let error = error { _ = try endless.next() }
    #expect(error?.kind == .badData && error?.location?.hasSuffix("line 1") == true, "\(error as Any)")
  }

  @Test("the directory of a path, also of a path of one letter, and a file of such a name is written")
  func directories() throws {
    for (path, directory) in [
      ("o", ""), ("/", "/"), ("/a", "/"), ("a/b", "a"), ("a/b/", "a"), ("/a//b/c", "/a/b"), ("", ""), ("./x", "."),
    ] { #expect(FileName.directory(of: path) == directory, "\(path)") }
    for path in ["o", "é", "."] {
      #expect(DiskSpace(at: path).byteCount != nil)
      #expect(WriteFailure.error(path, code: ENOSPC).kind == .cannotWrite)
    }
    #expect(["a", "a b", "..."].allSatisfy(FileName.isSingle))
    #expect(!["", ".", "..", "a/b", "/", "a\0"].contains(where: FileName.isSingle))
  }
}
