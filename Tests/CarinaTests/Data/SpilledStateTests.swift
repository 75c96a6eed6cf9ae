import Carina
import Foundation
import TestSupport
import Testing

/// What is compared bucket by bucket on the disk, over more of it than stays in memory.
@Suite struct SpilledStateTests {
  @Test("ids that repeat hundreds of times, some with suffixes of their own, become those of the reader in memory")
  func repeatedIdentifiers() throws {
    let archive = try SmallArchive { list in
      list = (0..<1500).map { index in
        let id = ["x", "x", "x#3", "x#2#2", "x#", "y\(index % 7)", "x#1a", "x#700", ""][index % 9]
        return [
          "id": .string(id), "image": .string(SmallArchive.images[index % 2]), "problem": .string("q\(index)"),
          "normal_caption": "a",
        ]
      }
    }
    _ = try Preprocessor.run(try archive.options())
    let shards = try ShardDirectory.verified(archive.shards)
    let expected = try ArchiveReader.records(archive.records)
    #expect(shards.sampleCount == 1500 && Set(expected.map(\.id)).count == 1500)
    let found = (0..<1500).map { shards.sample($0) }.sorted { $0.question < $1.question }
    #expect(found.map(\.id) == expected.sorted { $0.question < $1.question }.map(\.id))
  }

  @Test("hundreds of samples of one image stay together in their order, under all its spellings")
  func samplesOfImages() throws {
    let archive = try SmallArchive { list in
      list = (0..<1200).map { index in
        let spelling = ["", "./", ".//./"][index / 12 % 3]
        return [
          "id": .string("s\(index)"), "image": .string(spelling + SmallArchive.images[index * 5 % 12]),
          "problem": .string("q\(index)"), "normal_caption": "a", "patient": index % 12 == 5 ? "" : "p",
        ]
      }
    }
    let summary = try Preprocessor.run(try archive.options())
    #expect(summary.manifest.images == 12 && summary.manifest.samples == 1200 && summary.imagesWithoutPatient == 1)
    let shards = try ShardDirectory.verified(archive.shards)
    for row in 0..<12 { #expect(shards.image(row).id == SmallArchive.images[row * 5 % 12]) }
    var numbers: [Int: [Int]] = [:]
    for index in 0..<1200 {
      let sample = shards.sample(index)
      numbers[sample.imageRow, default: []].append(try #require(Int(sample.id.dropFirst())))
    }
    for row in 0..<12 { #expect(numbers[row] == Array(stride(from: row, to: 1200, by: 12))) }
  }

  @Test("of two conflicts about a patient the one that comes first in the records is named, with the earlier patient")
  func conflicts() throws {
    let archive = try SmallArchive { list in
      for index in list.indices {
        guard [13, 16, 20].contains(index), var object = list[index].object else { continue }
        object["patient"] = .string("wrong\(index)")
        list[index] = .object(object)
      }
    }
    let error = #expect(throws: CarinaError.self) { try Preprocessor.run(try archive.options()) }
    #expect(error?.location == "\(archive.records), sample s13")
    #expect(error?.expected == "p0" && error?.found == "wrong13")
  }

  @Test("among tens of thousands of records exactly the patients in two splits are found, the first twenty by name")
  func overlaps() throws {
    let shared = (0..<30).map { $0 * 1319 % 40_000 }
    var records = (0..<40_000).map { index in
      SampleRecord(image: "\(index)", question: "", answer: "", id: "", patient: "p\(index)", split: "\(index % 3)")
    }
    for (index, number) in shared.enumerated() {
      let split = "\((number + 1) % 3)"
      records.append(
        SampleRecord(image: "more\(index)", question: "", answer: "", id: "", patient: "p\(number)", split: split))
    }
    let plan = try SplitPlan(.given, fractions: "a=1")
    let error = #expect(throws: CarinaError.self) { try plan.applied(to: records, source: "s") }
    let list = Set(shared).map { number in
      ("p\(number)", ["\(number % 3)", "\((number + 1) % 3)"].sorted().joined(separator: ", "))
    }.sorted { $0.0 < $1.0 }
    #expect(error?.what == "30 patients are in two splits")
    #expect(
      error?.found == list.prefix(20).map { "\($0.0) (\($0.1))" }.joined(separator: "; ") + " and 10 more")
    records.removeLast(30)
    #expect(try plan.applied(to: records, source: "s") == records)
  }

  @Test("a sample that names no patient is named in the error as the shards would name it")
  func unnamed() throws {
    let archive = try SmallArchive { list in
      for index in list.indices {
        guard var object = list[index].object else { continue }
        object["id"] = "same"
        if index == 20 { object["patient"] = "" }
        list[index] = .object(object)
      }
    }
    let error = #expect(throws: CarinaError.self) {
      try Preprocessor.runSplits(
        try archive.options { $0.splits = try? SplitPlan(.patient, fractions: "a=0.5,b=0.5") })
    }
    #expect(error?.kind == .usage && error?.location == "\(archive.records), sample same#21")
  }
}
