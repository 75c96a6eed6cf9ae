import Carina
import Foundation
import TestSupport
import Testing

@Suite struct PreprocessorTests {
  @Test("every image once, every sample, the pixels of the transform; what the reader gives is what went in")
  func roundTrip() throws {
    let archive = try SmallArchive()
    let summary = try Preprocessor.run(try archive.options { $0.split = "train" })
    let manifest = summary.manifest
    #expect(
      manifest.images == 12 && manifest.samples == 24 && manifest.rejectedImages == 0 && manifest.split == "train")
    #expect(manifest.shards.map(\.images) == [5, 5, 2])
    #expect(manifest.shards.map(\.channels) == [1, 3, 1])
    let shards = try ShardDirectory.verified(archive.shards)
    #expect(shards.manifest == manifest)
    #expect(shards.imageCount == 12 && shards.sampleCount == 24)
    let transform = shards.transform
    var seen = Set<String>()
    for index in 0..<24 {
      let sample = shards.sample(index)
      let number = try #require(Int(sample.id.dropFirst()))
      seen.insert(sample.id)
      #expect(sample.question == "Question \(number)?" && sample.answer == "Antwort \(number) – ä")
      #expect(sample.answerType == (number % 3 == 0 ? "CLOSED" : "OPEN") && sample.questionType == "")
      let image = shards.image(sample.imageRow)
      #expect(image == ShardImage(id: SmallArchive.images[number % 12], patient: "p\(number % 12 / 2)", view: "PA"))
      let expected = try transform.pixels(ofFileAt: archive.goldens.directory + "/" + image.id)
      #expect(try shards.pixels(imageRow: sample.imageRow).expanded() == expected.expanded())
    }
    #expect(seen.count == 24)
    // Within a shard samples are in the order of the records.
    #expect((0..<10).map { shards.sample($0).id } == ["s0", "s1", "s2", "s3", "s4", "s12", "s13", "s14", "s15", "s16"])
    let text = try ShardSummary(shards).text(show: 1)
    for part in ["12 of 24 x 24", "2 grey, 1 colour", "OPEN 16, CLOSED 8", "6 named", "Question 0?"] {
      #expect(text.contains(part), "\(part)")
    }
  }

  @Test("the same bytes for any number of workers, and on a second run over the first")
  func deterministic() throws {
    let archive = try SmallArchive()
    _ = try Preprocessor.run(try archive.options { $0.workers = 1 })
    let first = try SmallArchive.contents(archive.shards)
    #expect(
      first.keys.sorted() == [
        "manifest.json", "rejected.jsonl", "remarks.jsonl", "shard-00000.h5", "shard-00001.h5", "shard-00002.h5",
      ])
    for workers in [2, 7] {
      _ = try Preprocessor.run(
        try archive.options {
          $0.workers = workers
          $0.output += "//"
        })
      #expect(try SmallArchive.contents(archive.shards) == first)
    }
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: archive.directory.path).sorted() == [
        "records.json", "shards",
      ])
  }

  @Test("unusable inputs are listed with reasons up to the limit and stop the run above it")
  func rejections() throws {
    let directory = try TemporaryDirectory()
    try AtomicFile.write("text", to: directory.file("text.png"))
    try AtomicFile.write("", to: directory.file("empty.jpg"))
    let archive = try SmallArchive { list in
      for (index, image) in ["nowhere.png", "text.png", "empty.jpg", "grey16.png"].enumerated() {
        list.insert(["image": .string(image), "caption": "c", "id": .string("bad\(index)")], at: index * 2)
      }
      list.append(["image": "grey2.png", "problem": "Empty?", "normal_caption": "  ", "id": "bad4"])
    }
    func options(_ limit: Double) throws -> PreprocessOptions {
      try archive.options {
        $0.imageRoots.append(directory.path)
        $0.maxRejected = limit
      }
    }
    let stopped = #expect(throws: CarinaError.self) { try Preprocessor.run(try options(0.2)) }
    #expect(stopped?.kind == .badData && stopped?.description.contains("nowhere.png") == true)
    #expect(!FileManager.default.fileExists(atPath: archive.shards))
    let summary = try Preprocessor.run(try options(0.25))
    #expect(summary.manifest.rejectedImages == 4 && summary.manifest.rejectedSamples == 5)
    #expect(summary.manifest.images == 12 && summary.manifest.samples == 24)
    let lines = try String(contentsOfFile: archive.shards + "/rejected.jsonl", encoding: .utf8)
      .split(separator: "\n").map { try JSONValue.parse(String($0), source: "rejected") }
    let reasons = Dictionary(uniqueKeysWithValues: lines.map { ($0["path"]?.string ?? "", $0["reason"]?.string ?? "") })
    for (path, part) in [
      ("nowhere.png", "image roots"), ("text.png", "neither JPEG, PNG nor DICOM"), ("empty.jpg", "empty"),
      ("grey16.png", "window"), ("grey2.png", "answer is empty"),
    ] {
      #expect(reasons[path]?.contains(part) == true, "\(path)")
      #expect(reasons[path]?.contains(directory.path) == false)
    }
    #expect(lines.first { $0["path"]?.string == "text.png" }?["samples"]?.array == ["bad1"])
    let deep = try ImageTransform(size: 24, window: .minmax)
    let windowed = try Preprocessor.run(
      try archive.options {
        $0.imageRoots.append(directory.path)
        $0.maxRejected = 0.25
        $0.transform = deep
      })
    #expect(windowed.manifest.rejectedImages == 3)
  }

  @Test("splits are selected where records name them, and only name the whole where they do not")
  func splits() throws {
    let archive = try SmallArchive { list in
      for index in list.indices {
        var object = list[index].object ?? JSONObject()
        object["split"] = .string(index % 12 < 4 ? "val" : "train")
        list[index] = .object(object)
      }
    }
    let validation = try Preprocessor.run(
      try archive.options {
        $0.split = "val"
        $0.output = archive.directory.file("val")
      }
    ).manifest
    #expect(validation.images == 4 && validation.samples == 8 && validation.split == "val")
    #expect(try Preprocessor.run(try archive.options()).manifest.split == "")
    let error = #expect(throws: CarinaError.self) { try Preprocessor.run(try archive.options { $0.split = "test" }) }
    #expect(error?.kind == .usage && error?.description.contains("train, val") == true)
    let limited = try Preprocessor.run(try archive.options { $0.limit = 13 }).manifest
    #expect(limited.images == 12 && limited.samples == 13)
  }

  @Test("two roots, two spellings of a path, and one image claimed by two patients")
  func roots() throws {
    let archive = try SmallArchive { list in
      list.append(["image": "./grey8.png", "caption": "the same file", "id": "again"])
      list.append(["image": "only-second.png", "caption": "c", "id": "second"])
    }
    let second = try TemporaryDirectory()
    try AtomicFile.write(Data(try archive.goldens.bytes("rgb8.png")), to: second.file("only-second.png"))
    let manifest = try Preprocessor.run(try archive.options { $0.imageRoots.append(second.path) }).manifest
    #expect(manifest.images == 13 && manifest.samples == 26)
    let missing = #expect(throws: CarinaError.self) {
      try Preprocessor.run(try archive.options { $0.imageRoots = [second.file("none")] })
    }
    #expect(missing?.kind == .missingInput)
    let claimed = try SmallArchive { list in
      list.append(["image": "grey8.png", "caption": "c", "id": "conflict", "patient": "another"])
    }
    let error = #expect(throws: CarinaError.self) { try Preprocessor.run(try claimed.options()) }
    #expect(error?.description.contains("two patients") == true && error?.description.contains("conflict") == true)
  }

  @Test("a directory that is no shard directory is never replaced")
  func replaces() throws {
    let archive = try SmallArchive()
    try AtomicFile.write("precious", to: archive.shards + "/notes.txt")
    let error = #expect(throws: CarinaError.self) { try Preprocessor.run(try archive.options()) }
    #expect(error?.kind == .usage)
    #expect(try String(contentsOfFile: archive.shards + "/notes.txt", encoding: .utf8) == "precious")
  }

  @Test("a run that is stopped before its first shard, and an unwritable output, leave nothing")
  func interrupted() throws {
    let archive = try SmallArchive()
    var asked = 0
    let error = #expect(throws: CarinaError.self) {
      try Preprocessor.run(
        try archive.options {
          $0.shouldStop = {
            asked += 1
            return asked > 3
          }
        })
    }
    #expect(error?.kind == .interrupted)
    #expect(try FileManager.default.contentsOfDirectory(atPath: archive.directory.path) == ["records.json"])
    let unwritable = #expect(throws: CarinaError.self) {
      try Preprocessor.run(try archive.options { $0.output = archive.records + "/below-a-file" })
    }
    #expect(unwritable?.kind == .cannotWrite)
  }
}
