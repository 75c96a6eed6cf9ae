import Carina
import Foundation
import TestSupport
import Testing

@Suite struct PhantomArchiveTests {
  private static func records(_ path: String) throws -> [JSONValue] { try JSONValue.parseFile(path).array ?? [] }

  @Test("two archives of a seed are byte-identical, and the pictures are those that are drawn one by one")
  func deterministic() throws {
    let directory = try TemporaryDirectory()
    let (first, second) = (directory.file("a"), directory.file("b"))
    try PhantomArchive.write(count: 40, seed: 3, imageSize: 32, to: first)
    try PhantomArchive.write(count: 40, seed: 3, imageSize: 32, to: second)
    let files = FileManager.default
    let names = try files.subpathsOfDirectory(atPath: first).sorted()
    #expect(try files.subpathsOfDirectory(atPath: second).sorted() == names)
    #expect(names.count == 40 + 1 + 6)
    for name in names where name.contains(".") {
      #expect(files.contents(atPath: first + "/" + name) == files.contents(atPath: second + "/" + name))
    }
    for scene in PhantomSampler(seed: 3).scenes(40) {
      let alone = try PNGEncoder.encode(PhantomRenderer.render(scene, size: 32), side: 32)
      #expect(files.contents(atPath: "\(first)/images/\(scene.name).png") == alone)
    }
  }

  @Test("drawing that is stopped leaves no image")
  func stopping() throws {
    let directory = try TemporaryDirectory(), path = directory.file("archive")
    let options = try PhantomArchive.Options(count: 300, seed: 1, imageSize: 16, splits: PhantomSplits())
    var drawn = 0
    let error = #expect(throws: CarinaError.self) {
      try PhantomArchive.write(options, to: path, shouldStop: { drawn > 0 }, progress: { drawn = $0 })
    }
    #expect(error?.kind == .interrupted && drawn > 0 && drawn < 300)
    #expect(try FileManager.default.contentsOfDirectory(atPath: path).isEmpty)
  }

  @Test("a picture read back from its PNG is the picture that was drawn, grey and of 8 bits", arguments: [16, 33, 96])
  func roundTrip(side: Int) throws {
    let pixels = PhantomRenderer.render(PhantomSampler(seed: 1).patient(1)[0], size: side)
    let file = [UInt8](try PNGEncoder.encode(pixels, side: side))
    let header = try ImageDecoder.header(of: file, path: "picture")
    #expect(header.width == side && header.height == side)
    #expect(header.channels == 1 && header.depth == 8)
    let image = try ImageDecoder.decode8(file, path: "picture")
    let grey = (0..<side * side).map { image.values[$0 * image.channels] }
    #expect(grey == pixels)
  }

  @Test("no patient is in two splits, every record has its image, every image its caption and questions")
  func splits() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("archive")
    let summary = try PhantomArchive.write(count: 200, seed: 1, imageSize: 16, to: path)
    var splitOf: [String: String] = [:]
    var captions = 0
    for split in PhantomSplits.names {
      let first = try Self.records("\(path)/stage1_\(split).json")
      let second = try Self.records("\(path)/stage2_\(split).json")
      #expect(first.count == summary.images[split])
      #expect(second.count == summary.questions[split])
      captions += first.count
      for record in first + second {
        let patient = try #require(record["patient"]?.string)
        #expect(splitOf[patient, default: split] == split)
        splitOf[patient] = split
        #expect(record["split"]?.string == split)
        let image = try #require(record["image"]?.string)
        #expect(FileManager.default.fileExists(atPath: "\(path)/\(image)"))
      }
      #expect(Set(second.compactMap { $0["image"]?.string }) == Set(first.compactMap { $0["image"]?.string }))
      #expect(second.allSatisfy { ["OPEN", "CLOSED"].contains($0["answer_type"]?.string ?? "") })
      let ids = (first + second).compactMap { $0["id"]?.string }
      #expect(Set(ids).count == ids.count)
    }
    #expect(captions == 200)
    #expect(abs((summary.images["test"] ?? 0) - 30) <= 3)
    #expect(abs((summary.images["val"] ?? 0) - 10) <= 3)
  }

  @Test("the archive goes into shards whole: every image once, every question, none left out")
  func shards() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("archive")
    let summary = try PhantomArchive.write(count: 30, seed: 2, imageSize: 32, to: path)
    var options = PreprocessOptions(
      records: "\(path)/stage2_train.json", imageRoots: [path], output: directory.file("shards"),
      transform: try ImageTransform(size: 32))
    options.split = "train"
    options.maxRejected = 0
    let manifest = try Preprocessor.run(options).manifest
    #expect(manifest.images == summary.images["train"])
    #expect(manifest.samples == summary.questions["train"])
    #expect(manifest.rejectedImages == 0)
  }

  @Test("reports are asked for only where that is wanted")
  func reports() throws {
    let directory = try TemporaryDirectory()
    let options = try PhantomArchive.Options(
      count: 20, seed: 1, imageSize: 16, splits: PhantomSplits(validation: 0, test: 0.2), reports: true)
    let path = directory.file("archive")
    let summary = try PhantomArchive.write(options, to: path)
    let reports = try Self.records("\(path)/stage2_train.json").filter { $0["question_type"]?.string == "report" }
    #expect(reports.count == summary.images["train"])
    #expect(summary.images["val"] == 0)
    #expect(try Self.records("\(path)/stage2_val.json").isEmpty)
  }

  @Test("impossible wishes are refused as wrong usage")
  func refusals() throws {
    func kind(_ body: () throws -> Void) -> CarinaError.Kind? {
      do { try body() } catch { return (error as? CarinaError)?.kind }
      return nil
    }
    let splits = try PhantomSplits()
    #expect(kind { _ = try PhantomArchive.Options(count: 0, seed: 1, imageSize: 64, splits: splits) } == .usage)
    #expect(kind { _ = try PhantomArchive.Options(count: 1, seed: 1, imageSize: 8, splits: splits) } == .usage)
    #expect(kind { _ = try PhantomSplits(validation: 0.5, test: 0.5) } == .usage)
    #expect(kind { try PhantomArchive.write(count: 1, seed: 1, imageSize: 16, to: "/proc/phantom") } == .cannotWrite)
  }
}
