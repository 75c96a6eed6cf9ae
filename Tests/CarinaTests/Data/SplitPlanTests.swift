import Carina
import Foundation
import TestSupport
import Testing

@Suite struct SplitPlanTests {
  private func record(_ number: Int, patient: String = "", study: String = "", image: String? = nil, split: String = "")
    -> SampleRecord
  {
    SampleRecord(
      image: image ?? "\(number).png", question: "", answer: "a", id: "\(number)", patient: patient, study: study,
      split: split)
  }

  @Test("shares are met, an entry more moves no other, another seed gives another split")
  func shares() throws {
    let plan = try SplitPlan(.patient, fractions: "train=0.7,val=0.1,test=0.2", seed: 3)
    let records = (0..<6000).map { record($0, patient: "p\($0 / 2)") }
    let divided = try plan.applied(to: records, source: "s")
    let counts = Dictionary(grouping: divided, by: \.split).mapValues(\.count)
    for (name, share) in [("train", 0.7), ("val", 0.1), ("test", 0.2)] {
      #expect(abs(Double(counts[name] ?? 0) / 6000 - share) < 0.03, "\(name)")
    }
    for pair in 0..<3000 { #expect(divided[2 * pair].split == divided[2 * pair + 1].split) }
    #expect(try plan.applied(to: Array(records.suffix(100)), source: "s") == Array(divided.suffix(100)))
    let other = try SplitPlan(.patient, fractions: "train=0.7,val=0.1,test=0.2", seed: 4)
    #expect(try other.applied(to: records, source: "s") != divided)
    // The rule is part of the format of published splits: SHA-256("carina split\\n3\\npatient\\np0").
    let digits = SHA256Digest.of("carina split\n3\npatient\np0").prefix(13)
    let position = Double(try #require(UInt64(digits, radix: 16))) / pow(2, 52)
    #expect(divided[0].split == (position < 0.7 ? "train" : position < 0.8 ? "val" : "test"))
  }

  @Test("what names no unit is refused, and so is a patient or an image in two splits, unless it is allowed")
  func leaks() throws {
    let plan = try SplitPlan(.patient, fractions: "a=0.5,b=0.5")
    let unnamed = #expect(throws: CarinaError.self) { try plan.applied(to: [record(1)], source: "s") }
    #expect(unnamed?.kind == .usage && unnamed?.description.contains("sample 1") == true)
    #expect(throws: CarinaError.self) {
      try SplitPlan(.study, fractions: "a=1").applied(to: [record(1, patient: "p")], source: "s")
    }
    // Studies of one patient fall apart.
    let studies = (0..<40).map { record($0, patient: "p\($0 % 2)", study: "s\($0)") }
    let error = #expect(throws: CarinaError.self) {
      try SplitPlan(.study, fractions: "a=0.5,b=0.5").applied(to: studies, source: "s")
    }
    #expect(error?.kind == .badData && error?.description.contains("2 patients are in two splits") == true)
    #expect(error?.description.contains("p0 (a, b); p1 (a, b)") == true)
    let images = [record(1, image: "x.png", split: "a"), record(2, image: "./x.png", split: "b")]
    let given = #expect(throws: CarinaError.self) {
      try SplitPlan(.given, fractions: "a=1").applied(to: images, source: "s")
    }
    #expect(given?.description.contains("1 images are in two splits") == true)
    #expect(
      try SplitPlan(.given, fractions: "a=1", allowsLeak: true).applied(to: images, source: "s").map(\.split) == [
        "a", "b",
      ])
    #expect(throws: CarinaError.self) { try SplitPlan(.given, fractions: "a=1").applied(to: [record(1)], source: "s") }
    #expect(throws: CarinaError.self) {
      try SplitPlan(.given, fractions: "a=1").applied(to: [record(1, split: "../x")], source: "s")
    }
  }

  @Test("fractions that cannot be are refused")
  func fractions() {
    for text in ["", "a", "a=0.5", "a=0.5,a=0.5", "a=0.5,b=0.6", "a=x,b=1", "a=0,b=1", "a/b=1", "=1", "a=1,"] {
      #expect(throws: CarinaError.self, "\(text)") { try SplitPlan(.image, fractions: text) }
    }
  }

  @Test("all splits in one run, every image in one of them, with the bytes of each split alone")
  func run() throws {
    let archive = try SmallArchive()
    let plan = try SplitPlan(.patient, fractions: "train=0.5,test=0.5", seed: 11)
    let options = try archive.options { $0.splits = plan }
    let summaries = try Preprocessor.runSplits(options)
    #expect(summaries.map(\.manifest.split) == ["test", "train"])
    #expect(summaries.reduce(0) { $0 + $1.manifest.images } == 12)
    let train = try ShardDirectory.verified(archive.shards + "/train")
    let test = try ShardDirectory.verified(archive.shards + "/test")
    #expect(try LeakageCheck.requireDisjoint(train, test).unnamedImages == 0)
    let alone = try Preprocessor.run(
      try archive.options {
        $0.splits = plan
        $0.split = "test"
        $0.output = archive.directory.file("alone")
      })
    #expect(alone.manifest == summaries[0].manifest)
    #expect(
      try SmallArchive.contents(archive.directory.file("alone")) == SmallArchive.contents(archive.shards + "/test"))
    #expect(try Preprocessor.runSplits(options) == summaries)
    try AtomicFile.write("precious", to: archive.shards + "/notes.txt")
    let error = #expect(throws: CarinaError.self) { try Preprocessor.runSplits(options) }
    #expect(error?.kind == .usage)
  }

  @Test("identical pixels under two names in two splits stop the run and leave nothing, unless allowed")
  func identicalPixels() throws {
    let second = try TemporaryDirectory()
    let archive = try SmallArchive { list in
      for index in list.indices {
        var object = list[index].object ?? JSONObject()
        object["split"] = "train"
        list[index] = .object(object)
      }
      list.append(["image": "copy.png", "caption": "c", "id": "copy", "patient": "q", "split": "test"])
    }
    try AtomicFile.write(Data(try archive.goldens.bytes("rgb8.png")), to: second.file("copy.png"))
    func options(_ allowsLeak: Bool) throws -> PreprocessOptions {
      try archive.options {
        $0.imageRoots.append(second.path)
        $0.splits = try? SplitPlan(.given, fractions: "a=1", allowsLeak: allowsLeak)
      }
    }
    let error = #expect(throws: CarinaError.self) { try Preprocessor.runSplits(try options(false)) }
    #expect(error?.kind == .badData && error?.description.contains("identical pixels") == true)
    #expect(error?.description.contains("copy.png (test, train)") == true)
    #expect(!FileManager.default.fileExists(atPath: archive.shards))
    #expect(try Preprocessor.runSplits(try options(true)).map(\.manifest.images) == [1, 12])
  }
}
