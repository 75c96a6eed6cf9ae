import Carina
import Foundation
import TestSupport
import Testing

@Suite("Images outside their roots") struct ConfinementTests {
  private let archive: SmallArchive
  private let roots: TemporaryDirectory
  private let outside: TemporaryDirectory

  /// Roots with two images of their own, and four more that lead out of them.
  init() throws {
    let (roots, outside) = (try TemporaryDirectory(), try TemporaryDirectory())
    (self.roots, self.outside) = (roots, outside)
    let files = FileManager.default, goldens = try ImageGoldens()
    let images = SmallArchive.images.map { goldens.directory + "/" + $0 }
    try files.createDirectory(atPath: roots.file("second/deep"), withIntermediateDirectories: true)
    try files.createDirectory(atPath: roots.file("first"), withIntermediateDirectories: true)
    for (name, image) in zip(
      [roots.file("first/in.png"), roots.file("second/deep/in.png"), outside.file("a.png"), outside.file("b.png")],
      images)
    { try files.copyItem(atPath: image, toPath: name) }
    try files.copyItem(atPath: images[4], toPath: roots.file("beside.png"))
    try files.createSymbolicLink(atPath: roots.file("first/link.png"), withDestinationPath: outside.file("a.png"))
    try files.createSymbolicLink(atPath: roots.file("second/folder"), withDestinationPath: outside.path)
    try files.createSymbolicLink(atPath: roots.file("first/inner.png"), withDestinationPath: "in.png")
    try files.createSymbolicLink(atPath: roots.file("linked-root"), withDestinationPath: roots.file("first"))
    let names = [
      "in.png", "deep/in.png", "inner.png", roots.file("first/../first/in.png"), "link.png", "folder/b.png",
      "../beside.png", outside.file("b.png"),
    ]
    archive = try SmallArchive { records in
      // Each twice, apart.
      records = (names + names).enumerated().map { index, name in
        ["id": .string("\(index)"), "image": .string(name), "caption": "x"]
      }
    }
  }

  private func options(_ first: String = "first", confined: Bool = false) throws -> PreprocessOptions {
    try archive.options {
      $0.imageRoots = [roots.file(first), roots.file("second")]
      ($0.isConfined, $0.maxRejected) = (confined, 1)
    }
  }

  @Test(
    "they are taken and counted, each once, also where a root is itself a link", arguments: ["first", "linked-root"])
  func counted(first: String) throws {
    let summary = try Preprocessor.run(try options(first))
    #expect(summary.imagesOutsideRoots == 4)
    #expect(summary.firstOutsideRoots == ["link.png", "folder/b.png", "../beside.png"])
    // Through the link the absolute path is another one.
    #expect(summary.manifest.images == (first == "first" ? 7 : 8) && summary.manifest.rejectedImages == 0)
    // Asked for again nothing is made anew, and it is said again.
    #expect(try Preprocessor.run(try options(first)).imagesOutsideRoots == 4)
  }

  @Test("confined they are rejected with the reason, and what lies inside stays")
  func confined() throws {
    let summary = try Preprocessor.run(try options(confined: true))
    #expect(summary.manifest.rejectedImages == 4 && summary.manifest.rejectedSamples == 8)
    #expect(summary.manifest.images == 3)
    let lines = try String(contentsOfFile: archive.shards + "/rejected.jsonl", encoding: .utf8)
    #expect(lines.components(separatedBy: "lies outside the image roots").count == 5, "\(lines)")
  }

  @Test("without any the bytes are the same with and without confinement, and nothing is counted")
  func same() throws {
    let own = try SmallArchive()
    let plain = try Preprocessor.run(try own.options())
    let before = try SmallArchive.contents(own.shards)
    let confined = try Preprocessor.run(try own.options { $0.isConfined = true })
    #expect(plain.imagesOutsideRoots == 0 && plain.firstOutsideRoots.isEmpty && confined.imagesOutsideRoots == 0)
    #expect(try SmallArchive.contents(own.shards) == before)
  }

  @Test("the reports of an archive are not read from outside either")
  func reports() throws {
    let root = try TemporaryDirectory()
    try AtomicFile.write("FINDINGS: secret words.\n", to: outside.file("s.txt"))
    try AtomicFile.write("", to: root.file("files/p1x/p1x/keep"))
    let study = "x/../../../../../\((outside.path as NSString).lastPathComponent)/s"
    try FileManager.default.createDirectory(
      atPath: root.file("files/p1x/p1x/sx"), withIntermediateDirectories: true)
    try AtomicFile.write(
      "dicom_id,subject_id,study_id,ViewPosition\nd,1x,\(study),PA\n", to: root.file("mimic-cxr-2.0.0-metadata.csv"))
    try AtomicFile.write(
      "dicom_id,study_id,subject_id,split\nd,\(study),1x,train\n", to: root.file("mimic-cxr-2.0.0-split.csv"))
    func read(isConfined: Bool) throws -> [String] {
      try ArchiveReader.read(root.path, format: .mimicCXR, imageRoots: [root.path], isConfined: isConfined).records.map(
        \.answer)
    }
    #expect(try read(isConfined: false).contains { $0.contains("secret") })
    #expect { try read(isConfined: true) } throws: {
      ($0 as? CarinaError)?.what.contains("outside the image roots") == true
    }
  }

  @Test("a NUL in a record's names and a split that is no name of a directory are refused by sample")
  func names() throws {
    for field in ["image", "id", "patient", "study", "view", "split"] {
      var record = JSONObject([("image", "in.png"), ("id", "i"), ("caption", "x")])
      record[field] = "in.png\u{0}"
      let broken = try SmallArchive { $0 = [.object(record)] }
      #expect { try Preprocessor.run(try broken.options()) } throws: {
        ($0 as? CarinaError)?.kind == .badData && "\($0)".contains("NUL")
      }
      #expect(!FileManager.default.fileExists(atPath: broken.shards))
    }
    let away = try SmallArchive {
      $0 = $0.map { record in
        var object = record.object ?? JSONObject()
        object["split"] = "../away"
        return .object(object)
      }
    }
    let plan = try SplitPlan(.given, fractions: "train=1", seed: 1)
    let options = try away.options { $0.splits = plan }
    #expect { try Preprocessor.runPart(options, allSplits: true) } throws: {
      ($0 as? CarinaError)?.kind == .badData && "\($0)".contains("../away")
    }
    #expect(!FileManager.default.fileExists(atPath: away.directory.file("away")))
  }
}
