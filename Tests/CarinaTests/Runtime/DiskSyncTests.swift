import Foundation
import TestSupport
import Testing

import Carina

@Suite("On the disk for good") struct DiskSyncTests {
  @Test(
    "files, deep directories and thousands of files are synced as they are, and something that is not there is named")
  func tree() throws {
    let directory = try TemporaryDirectory()
    for number in 0..<300 {
      try FileManager.default.createDirectory(
        atPath: directory.file("many/\(number % 7)"), withIntermediateDirectories: true)
      try Data("\(number)".utf8).write(to: URL(fileURLWithPath: directory.file("many/\(number % 7)/\(number)")))
    }
    symlink("nowhere", directory.file("many/link"))
    try DiskSync.tree(directory.file("many"))
    try DiskSync.tree(directory.file("many/3"))
    try DiskSync.file(directory.file("many/3/3"))
    for missing in [DiskSync.file, DiskSync.directory, DiskSync.tree] {
      let error = #expect(throws: CarinaError.self) { try missing(directory.file("none")) }
      #expect(error?.kind == .cannotWrite && error?.location == directory.file("none"))
    }
    try DiskSync.move(directory.file("many"), to: directory.file("moved"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["moved"])
  }

  @Test("what a dead process left of the same file or directory goes when it is written, and nothing else")
  func leftovers() throws {
    let directory = try TemporaryDirectory()
    let (dead, alive) = (try DeadProcess.identifier(), getppid())
    let others = [
      "b.json.\(dead).partial", "a.json.\(alive).partial", "a.json.x.partial", "old-a.json.\(dead).partial",
    ]
    for name in others + ["a.json.\(dead).partial", "model.\(dead).partial/x", "model.\(dead).previous/x"] {
      try FileManager.default.createDirectory(
        atPath: FileName.directory(of: directory.file(name)), withIntermediateDirectories: true)
      try Data("half".utf8).write(to: URL(fileURLWithPath: directory.file(name)))
    }
    try AtomicFile.write("whole", to: directory.file("a.json"))
    try AtomicFile.writeDirectory(to: directory.file("model")) { try AtomicFile.write("whole", to: $0 + "/x") }
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
        == (others + ["a.json", "model"]).sorted())
    #expect(FileManager.default.contents(atPath: directory.file("model/x")) == Data("whole".utf8))
  }
}
