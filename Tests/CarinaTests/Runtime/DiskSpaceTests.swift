import Foundation
import TestSupport
import Testing

import Carina

@Suite struct DiskSpaceTests {
  @Test("the room of a path that is not there yet is that of the directory above it")
  func above() throws {
    let directory = try TemporaryDirectory()
    let own = DiskSpace(at: directory.path), deep = DiskSpace(at: directory.file("not/there/yet"))
    #expect(try #require(own.byteCount) > 0)
    // Others write meanwhile.
    let ratio = Double(try #require(deep.byteCount)) / Double(try #require(own.byteCount))
    #expect((0.5...2).contains(ratio))
    #expect((own.fileCount == nil) == (deep.fileCount == nil))
    #expect(DiskSpace(at: "runs/not/there").byteCount != nil)
  }

  @Test("a file system that counts nothing says nothing")
  func uncounted() { #expect(DiskSpace(at: "/proc/run") == DiskSpace(byteCount: nil, fileCount: nil)) }
}
