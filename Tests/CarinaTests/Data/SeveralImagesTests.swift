import Carina
import Foundation
import TestSupport
import Testing

/// Samples that show several images, from their records to shards of version 3.
@Suite struct SeveralImagesTests {
  /// Pairs of a current and a prior image: each image but the first follows the one before it, and every fifth sample
  /// shows one alone.
  private static func pairs(_ list: inout [JSONValue]) {
    let names = SmallArchive.images
    list = (0..<2 * names.count).map { index in
      let current = index % names.count, prior = (index + names.count - 1) % names.count
      let images: JSONValue =
        index % 5 == 4
        ? .string(names[current]) : .array([current, prior].map { .string(names[$0]) })
      return [
        "id": .string("s\(index)"), "image": images, "problem": .string("Question \(index)?"),
        "normal_caption": .string("Antwort \(index)"), "patient": "one", "view": ["PA", "AP"],
      ]
    }
    for index in list.indices where list[index]["image"]?.array == nil {
      var record = list[index].object ?? JSONObject()
      record["view"] = "LATERAL"
      list[index] = .object(record)
    }
  }

  private func archive(_ change: @escaping (inout [JSONValue]) -> Void = { _ in }) throws -> SmallArchive {
    try SmallArchive {
      Self.pairs(&$0)
      change(&$0)
    }
  }

  /// What a reader gets of every sample: its id, and the names of its images, whose pixels are compared with the files'.
  private func samples(_ path: String, _ archive: SmallArchive) throws -> [String: [String]] {
    let shards = try ShardDirectory.verified(path)
    var found: [String: [String]] = [:]
    for index in 0..<shards.sampleCount {
      let sample = shards.sample(index)
      found[sample.id] = try sample.imageRows.map { row in
        let name = shards.image(row).id
        let expected = try shards.transform.pixels(ofFileAt: archive.goldens.directory + "/" + name)
        #expect(try shards.pixels(imageRow: row).expanded() == expected.expanded(), "\(sample.id): \(name)")
        return name
      }
      #expect(sample.question == "Question \(sample.id.dropFirst())?" && sample.imageRow == sample.imageRows[0])
    }
    return found
  }

  private func lines(_ directory: String) throws -> [(path: String, reason: String, samples: [String])] {
    try String(contentsOfFile: directory + "/rejected.jsonl", encoding: .utf8).split(separator: "\n").map {
      let line = try JSONValue.parse(String($0), source: "rejected.jsonl")
      return (
        line["path"]?.string ?? "", line["reason"]?.string ?? "", line["samples"]?.array?.compactMap(\.string) ?? []
      )
    }
  }

  @Test("each image is stored once, across shards; samples find all of theirs in order, whatever made the shards")
  func roundTrip() throws {
    let archive = try archive()
    let summary = try Preprocessor.run(try archive.options())
    #expect(summary.manifest.version == 3 && summary.manifest.images == 12 && summary.manifest.samples == 24)
    let names = SmallArchive.images
    let expected = (0..<24).map { index -> [String] in
      let current = names[index % 12], prior = names[(index + 11) % 12]
      return index % 5 == 4 ? [current] : [current, prior]
    }
    let found = try samples(archive.shards, archive)
    #expect(found == Dictionary(uniqueKeysWithValues: expected.enumerated().map { ("s\($0)", $1) }))
    // In the order of first mention: the first sample's prior one comes second. A list of views has one for each.
    let shards = try ShardDirectory(archive.shards)
    #expect((0..<3).map { shards.image($0).id } == [names[0], names[11], names[1]])
    #expect(shards.image(1).view == "AP" && shards.image(0).view == "PA")
    #expect((0..<12).allSatisfy { shards.image($0).patient == "one" })
    let text = try ShardSummary(shards).text(show: 1)
    #expect(text.contains("several images  20 samples, at most 2"), "\(text)")
    #expect(text.contains("sample 0: s0, images \(names[0]), \(names[11])"), "\(text)")
    let whole = try SmallArchive.contents(archive.shards)
    for workers in [1, 3] {
      _ = try Preprocessor.run(try archive.options { $0.workers = workers })
      #expect(try SmallArchive.contents(archive.shards) == whole)
    }
    #expect(try ShardUpgrade.run(archive.shards) == .current)
    #expect(try SmallArchive.contents(archive.shards) == whole)
    let copy = archive.directory.file("copy")
    try FileManager.default.copyItem(atPath: archive.shards, toPath: copy)
    let audit = try ShardAudit([shards, ShardDirectory(copy)])
    #expect(audit.identical.count == 12 && audit.patients.map(\.name) == ["one"])
    let page = try InspectionPage([shards]).html()
    #expect(page.contains("image 2 of 2") && page.contains("image 1 of 2"))
  }

  @Test("stopped at any image, or made in parts, the bytes are those of one run; so are the splits'")
  func resumed() throws {
    let whole = try archive()
    _ = try Preprocessor.run(try whole.options())
    let expected = try SmallArchive.contents(whole.shards)
    for image in [1, 5, 6, 11] {
      let archive = try archive()
      var asked = 0
      let stopped = thrownCarinaError {
        try Preprocessor.run(
          try archive.options {
            $0.shouldStop = {
              asked += 1
              return asked > image
            }
          })
      }
      #expect(stopped?.kind == .interrupted)
      _ = try Preprocessor.run(try archive.options())
      #expect(try SmallArchive.contents(archive.shards) == expected)
    }
    let parts = try archive()
    for part in ["3/3", "1/3", "2/3"] {
      let share = try #require(ShardPart(text: part))
      _ = try Preprocessor.runPart(try parts.options { $0.part = share }, allSplits: false)
    }
    let made = try SmallArchive.contents(parts.shards)
    #expect(made == expected)
  }

  @Test("one image a sample, named by a text or a list of one, keeps the bytes of version 2")
  func oneImage() throws {
    let (texts, lists) = (
      try SmallArchive(),
      try SmallArchive { list in
        list = list.map { record in
          var record = record.object ?? JSONObject()
          record["image"] = .array([record["image"] ?? .null])
          record["view"] = ["PA"]
          return .object(record)
        }
      }
    )
    _ = try Preprocessor.run(try texts.options())
    _ = try Preprocessor.run(try lists.options())
    let (one, other) = (try SmallArchive.contents(texts.shards), try SmallArchive.contents(lists.shards))
    #expect(one["manifest.json"].map { String(decoding: $0, as: UTF8.self).contains("\"version\": 2") } == true)
    // The digest of the records is in manifest and shards.
    let digests = try [texts, lists].map { try SHA256Digest.ofFile($0.records) }
    for (name, bytes) in one where name.hasSuffix(".h5") {
      var bytes = bytes
      let range = try #require(bytes.range(of: Data(digests[0].utf8)))
      bytes.replaceSubrange(range, with: Data(digests[1].utf8))
      #expect(bytes.count == other[name]?.count)
      let differing = zip(bytes, other[name] ?? Data()).count { $0 != $1 }
      // The checksum of the header that holds the digest.
      #expect(differing <= 4, "\(name): \(differing)")
    }
  }

  @Test("an image that cannot be used rejects the samples that show it, in whatever shard, and no other")
  func brokenImage() throws {
    let names = SmallArchive.images
    for broken in [0, 4, 11] {
      // The image that is missing stands first in some samples and second in others.
      let archive = try archive { list in
        list = list.map { record in
          var record = record.object ?? JSONObject()
          func gone(_ value: JSONValue) -> JSONValue { value.string == names[broken] ? "gone.png" : value }
          record["image"] = record["image"]?.array.map { .array($0.map(gone)) } ?? gone(record["image"] ?? .null)
          return .object(record)
        }
      }
      let summary = try Preprocessor.run(try archive.options { $0.maxRejected = 0.2 })
      let hit = (0..<24).filter { index in
        index % 12 == broken || (index % 5 != 4 && (index + 11) % 12 == broken)
      }.map { "s\($0)" }
      #expect(summary.manifest.rejectedImages == 1 && summary.manifest.rejectedSamples == hit.count)
      #expect(summary.manifest.images == 11 && summary.manifest.samples == 24 - hit.count)
      let found = try samples(archive.shards, archive)
      #expect(Set(found.keys) == Set((0..<24).map { "s\($0)" }).subtracting(hit))
      let lines = try lines(archive.shards)
      #expect(lines.count == 1 && lines[0].path == "gone.png" && Set(lines[0].samples) == Set(hit))
      #expect(lines[0].reason.contains("in none of the image roots"))
      let one = try SmallArchive.contents(archive.shards)
      _ = try Preprocessor.run(
        try archive.options {
          $0.maxRejected = 0.2
          $0.workers = 1
        })
      #expect(try SmallArchive.contents(archive.shards) == one)
    }
  }

  @Test("lists that cannot be are rejected samples with their reasons; the others are as if those were not there")
  func refusedLists() throws {
    let bad: [(JSONValue, String)] = [
      (
        ["id": "long", "image": .array((0..<9).map { .string(SmallArchive.images[$0]) }), "caption": "c"],
        "names 9 images"
      ),
      (["id": "empty", "image": [], "caption": "c"], "is an empty list"),
      (["id": "null", "image": ["grey8.png", .null], "caption": "c"], "\"image[1]\" is of another kind"),
      (["id": "blank", "image": ["grey8.png", " "], "caption": "c"], "\"image[1]\" is empty"),
      (["id": "object", "image": [["path": "grey8.png"]], "caption": "c"], "found an object"),
      (
        ["id": "views", "image": ["grey8.png", "grey.jpg"], "view": ["PA"], "caption": "c"],
        "\"view\" lists 1 texts for 2 images"
      ),
      (
        ["id": "few", "image": ["grey8.png", "grey.jpg"], "problem": "<image> Worse?", "normal_caption": "no"],
        "1 mark <image> for 2 images"
      ),
      (
        ["id": "many", "image": "grey8.png", "problem": "<image><image> Worse?", "normal_caption": "no"],
        "2 marks <image> for 1 image"
      ),
      (["id": "s3", "image": [], "caption": "an id that is there already"], "is an empty list"),
    ]
    func change(_ list: inout [JSONValue]) {
      for (offset, record) in bad.enumerated() { list.insert(record.0, at: 2 * offset + 1) }
    }
    let (with, without) = (try archive(change), try archive())
    let summary = try Preprocessor.run(try with.options())
    _ = try Preprocessor.run(try without.options())
    #expect(summary.manifest.rejectedImages == 0 && summary.manifest.rejectedSamples == bad.count)
    #expect(summary.firstRejections.count == 3)
    let found = try samples(with.shards, with)
    // The repeated id comes second here.
    let renamed = try samples(without.shards, without)
    #expect(found == renamed)
    let lines = try lines(with.shards)
    #expect(lines.map(\.samples) == bad.dropLast().map { [$0.0["id"]?.string ?? ""] } + [["s3#2"]])
    for (line, record) in zip(lines, bad) { #expect(line.reason.contains(record.1), "\(line)") }
    #expect(lines[0].path == SmallArchive.images[0] && lines[1].path == "")
    // Only those before the end of what is taken are told.
    let limited = try Preprocessor.run(try with.options { $0.limit = 4 })
    #expect(limited.manifest.samples == 4 && limited.manifest.rejectedSamples == 3)
    // Marks that match are taken out.
    let marked = try archive { list in
      list = [
        [
          "image": ["grey8.png", "grey.jpg"], "problem": "<image>\n<image>\nQuestion 0?", "normal_caption": "no",
          "id": "s0",
        ],
        ["image": "grey.jpg", "problem": "<image> Question 1?", "normal_caption": "no", "id": "s1"],
      ]
    }
    _ = try Preprocessor.run(try marked.options())
    #expect(try samples(marked.shards, marked) == ["s0": ["grey8.png", "grey.jpg"], "s1": ["grey.jpg"]])
    // Nothing is left.
    let none = try archive { list in list = bad.map(\.0) }
    let error = thrownCarinaError { try Preprocessor.run(try none.options()) }
    #expect(error?.kind == .badData && error?.what.contains("none of the 9 records") == true)
    #expect(error?.what.contains("names 9 images") == true)
    #expect(!FileManager.default.fileExists(atPath: none.shards + ".partial"))
  }

  @Test(
    "an image behind others of which no sample is left is stored or left out as the answers say; no sample, no shards")
  func nothingLeft() throws {
    let archive = try archive { list in
      list = [
        ["id": "s0", "image": ["grey8.png", "gone.png"], "problem": "Question 0?", "normal_caption": "a"],
        ["id": "s1", "image": ["gone.png", "grey.jpg"], "problem": "Question 1?", "normal_caption": "a"],
        ["id": "s2", "image": ["grey4.png", "rgb8.png"], "problem": "Question 2?", "normal_caption": ""],
        ["id": "s3", "image": "grey2.png", "problem": "Question 3?", "normal_caption": "a"],
      ]
    }
    let summary = try Preprocessor.run(try archive.options { $0.maxRejected = 1 })
    #expect(summary.manifest.rejectedImages == 3 && summary.manifest.rejectedSamples == 3)
    #expect(summary.manifest.images == 3 && summary.manifest.samples == 1)
    #expect(try samples(archive.shards, archive) == ["s3": ["grey2.png"]])
    let none = try self.archive { list in
      list = [["id": "s0", "image": ["grey8.png", "gone.png"], "problem": "q", "normal_caption": "a"]]
    }
    let error = thrownCarinaError { try Preprocessor.run(try none.options { $0.maxRejected = 1 }) }
    #expect(error?.kind == .badData && error?.what == "no sample can be used; nothing was written")
    #expect(!FileManager.default.fileExists(atPath: none.shards + ".partial"))
  }

  @Test("all images of a sample count where splits may not share them, and where patients are named")
  func splits() throws {
    // By image the pairs reach over the splits, by patient they do not.
    func change(_ list: inout [JSONValue]) {
      list = list.enumerated().map { index, record in
        var record = record.object ?? JSONObject()
        let group = index % 12 / 3
        record["image"] = .array([index % 12, group * 3].map { .string(SmallArchive.images[$0]) })
        record["patient"] = .string("p\(group)")
        return .object(record)
      }
    }
    let archive = try archive(change)
    func run(_ unit: SplitUnit) throws {
      let plan = try SplitPlan(unit, fractions: "a=0.5,b=0.5", seed: 3)
      _ = try Preprocessor.runPart(try archive.options { $0.splits = plan }, allSplits: true)
    }
    let error = thrownCarinaError { try run(.image) }
    #expect(
      error?.kind == .badData && error?.what.contains("are in two splits") == true, "\(String(describing: error))")
    try run(.patient)
    let parts = try ["a", "b"].map { try ShardDirectory("\(archive.shards)/\($0)") }
    #expect(parts.map(\.manifest.version) == [3, 3] && parts.reduce(0) { $0 + $1.sampleCount } == 24)
    #expect(parts.reduce(0) { $0 + $1.imageCount } == 12)
    try LeakageCheck.requireDisjoint(parts[0], parts[1])
    let conflict = try self.archive { list in
      change(&list)
      var record = list[1].object ?? JSONObject()
      record["image"] = .array([1, 4].map { .string(SmallArchive.images[$0]) })
      list[1] = .object(record)
    }
    let two = thrownCarinaError { try Preprocessor.run(try conflict.options()) }
    #expect(two?.what == "the image \(SmallArchive.images[4]) belongs to two patients")
  }

  @Test("LLaVA: images by marks, all or those up to a turn; a list of pictures elsewhere; marks that do not match")
  func conversations() throws {
    let directory = try TemporaryDirectory()
    try AtomicFile.write(
      #"""
      [{"id": "a", "image": ["1.jpg", "2.jpg"], "conversations": [
         {"from": "human", "value": "<image>\n<image>\nWorse?"}, {"from": "gpt", "value": "yes"},
         {"from": "human", "value": "Where?"}, {"from": "gpt", "value": "left"}]},
       {"id": "b", "images": ["1.jpg", "2.jpg", "3.jpg"], "messages": [
         {"role": "user", "content": "<image>Side?"}, {"role": "assistant", "content": "left"},
         {"role": "user", "content": "And <image> and <image>?"}, {"role": "assistant", "content": "both"}]},
       {"id": "c", "image": ["1.jpg", "2.jpg"], "conversations": [
         {"from": "human", "value": "Unmarked?"}, {"from": "gpt", "value": "yes"}]},
       {"id": "d", "image": ["1.jpg", "2.jpg"], "conversations": [
         {"from": "human", "value": "<image> One?"}, {"from": "gpt", "value": "yes"}]},
       {"id": "e", "image": "1.jpg", "conversations": [
         {"from": "human", "value": "<image><image> Two?"}, {"from": "gpt", "value": "yes"}]},
       {"id": "f", "image": ["1.jpg", 2, {}], "conversations": [
         {"from": "human", "value": "<image> q?"}, {"from": "gpt", "value": "yes"}]},
       {"id": "g", "image": ["1.jpg", "2.jpg"], "conversations": [
         {"from": "human", "value": "Before?"}, {"from": "gpt", "value": "yes"},
         {"from": "human", "value": "<image><image> Behind?"}, {"from": "gpt", "value": "yes"}]}]
      """#, to: directory.file("data.json"))
    let archive = try ArchiveReader.read(directory.file("data.json"), format: .llava)
    let found = archive.records.map { "\($0.id) \($0.images.joined(separator: "+")) \($0.question)" }
    #expect(
      found == [
        "a 1.jpg+2.jpg Worse?", "a/2 1.jpg+2.jpg Where?", "b 1.jpg Side?", "b/2 1.jpg+2.jpg+3.jpg And  and ?",
        "c 1.jpg+2.jpg Unmarked?", "d 1.jpg+2.jpg One?", "e 1.jpg Two?", "f 1.jpg q?", "g 1.jpg Before?",
        "g/2 1.jpg+2.jpg Behind?",
      ])
    let refused = Dictionary(
      uniqueKeysWithValues: archive.records.filter { !$0.refusal.isEmpty }.map { ($0.id, $0.refusal) })
    #expect(Set(refused.keys) == ["d", "e", "f", "g"])
    #expect(refused["d"]?.contains("1 mark <image> for 2 images") == true)
    #expect(refused["e"]?.contains("2 marks <image> for 1 image") == true)
    #expect(refused["f"]?.contains("\"image[2]\"") == true && refused["g"]?.contains("before the first") == true)
  }

  @Test(
    "all images of a study in one sample: best view first, once each, one text a study; more than eight are rejected")
  func allInOne() throws {
    let directory = try TemporaryDirectory()
    var rows = "dicom_id,subject_id,study_id,ViewPosition\n"
    for (id, study, view) in [
      ("c", 1, "LATERAL"), ("b", 1, "PA"), ("x", 2, ""), ("a", 1, "AP"), ("d", 1, "PA"), ("y", 2, "PA"), ("z", 4, "AP"),
    ] + (0..<9).map({ ("m\($0)", 3, "PA") }) {
      rows += "\(id),10000001,\(study),\(view)\n"
    }
    try AtomicFile.write(rows, to: directory.file("mimic-cxr-2.0.0-metadata.csv"))
    try AtomicFile.write(
      "subject_id,study_id,No Finding,Edema\n" + (1...4).map { "10000001,\($0),,1.0\n" }.joined(),
      to: directory.file("mimic-cxr-2.0.0-chexpert.csv"))
    func read(_ views: ViewPolicy) throws -> ReadArchive {
      var options = ArchiveOptions()
      options.views = views
      return try ArchiveReader.read(directory.path, format: .mimicCXR, imageRoots: [directory.path], options: options)
    }
    let archive = try read(.allInOne)
    func name(_ path: String) -> String { ((path as NSString).lastPathComponent as NSString).deletingPathExtension }
    let kept = archive.records.filter { $0.refusal.isEmpty }
    #expect(Set(kept.map { $0.images.map(name) }) == [["b", "d", "a", "c"], ["y", "x"], ["z"]])
    #expect(kept.first { $0.study == "1" }?.further.map(\.view) == ["PA", "AP", "LATERAL"])
    // The texts are those that the best image has, but for the question which view it is.
    let best = try read(.best).records.filter { $0.study != "3" && $0.questionType != "view" }
    #expect(kept.map(\.id).sorted() == best.map(\.id).sorted() && kept.count > 6)
    let many = archive.records.filter { !$0.refusal.isEmpty }
    #expect(!many.isEmpty && many.allSatisfy { $0.study == "3" && $0.refusal.contains("9 images") })
    #expect(try ViewPolicy(rawValue: "all-in-one") == .allInOne && read(.allInOne).records == archive.records)
    // Records that show several images already, and those of no study, stay as they are.
    let records = directory.file("records.json")
    try AtomicFile.write(
      #"""
      [{"image": ["1", "2"], "caption": "c", "study": "s", "view": "PA"}, {"image": "3", "caption": "c", "study": "s"},
       {"image": "4", "caption": "c"}, {"image": "5", "caption": "c", "study": "s", "view": "AP"}]
      """#, to: records)
    var options = ArchiveOptions()
    options.views = .allInOne
    let own = try ArchiveReader.read(records, format: .carina, options: options).records
    #expect(own.map(\.images) == [["1", "2"], ["4"], ["5", "3"]])
  }
}
