import Carina
import Foundation
import TestSupport
import Testing

@Suite struct ShardTests {
  private static func foreign(_ name: String) throws -> String {
    let url = try #require(Bundle.module.url(forResource: "Goldens/data/\(name)/manifest", withExtension: "json"))
    return url.deletingLastPathComponent().path
  }

  @Test(
    "shards made by h5py from the description are read, also compressed, contiguous and in chunks that are no rows",
    arguments: ["foreign-shards", "foreign-shards-2"])
  func foreignShards(_ name: String) throws {
    let shards = try ShardDirectory.verified(try Self.foreign(name))
    #expect(shards.imageCount == 5 && shards.sampleCount == 4 && shards.manifest.split == "held out")
    for row in [4, 0, 3, 1, 2] {
      let pixels = try shards.pixels(imageRow: row)
      #expect(pixels.channels == (row < 3 ? 1 : 3))
      let expected = (0..<8).flatMap { y in
        (0..<8).flatMap { x in (0..<pixels.channels).map { UInt8((7 * row + 3 * y + 5 * x + 11 * $0) % 256) } }
      }
      #expect(pixels.values == expected, "row \(row)")
      #expect(shards.image(row) == ShardImage(id: "Bild \(row) ä.png", patient: "p\(row)", view: "PA"))
    }
    #expect(shards.sample(2).imageRow == 4 && shards.sample(2).answer == "Yes – 肺" && shards.sample(3).question == "")
    #expect(shards.transform == (try ImageTransform(size: 8)))
  }

  @Test("a manifest that names a file twice or none, or whose image settings cannot be, is refused with its path")
  func oddManifests() throws {
    let archive = try SmallArchive()
    _ = try Preprocessor.run(try archive.options())
    let path = archive.shards + "/manifest.json"
    let whole = try #require(JSONValue.parseFile(path).object), shards = try #require(whole["shards"]?.array)
    var twice = whole, none = whole, text = whole, deviation = whole
    twice["shards"] = .array(shards + [shards[0]])
    for key in ["images", "samples"] {
      let sum = shards.reduce(shards[0][key]?.int ?? 0) { $0 + ($1[key]?.int ?? 0) }
      twice[key] = .integer(sum)
      none[key] = 0
    }
    none["shards"] = []
    text["images"] = "12"
    var transform = try #require(whole["transform"]?.object)
    var settings = try #require(transform["settings"]?.object)
    settings["deviation"] = [0.5, -0.5, 0.5]
    transform["settings"] = .object(settings)
    deviation["transform"] = .object(transform)
    for (name, manifest, words) in [
      ("twice", twice, "twice"), ("none", none, "shards"), ("text", text, "images"),
      ("deviation", deviation, "standard deviation"),
    ] {
      try JSONValue.object(manifest).write(to: path)
      let error = #expect(throws: CarinaError.self, "\(name)") { try ShardDirectory(archive.shards) }
      #expect(error?.kind == .badData && error?.location == path, "\(name): \(String(describing: error))")
      #expect(error?.description.contains(words) == true, "\(name): \(String(describing: error))")
    }
  }

  @Test("a filter that is not undone is refused by its name, with what to do")
  func otherFilter() throws {
    let path = try Self.foreign("foreign-shards-lzf")
    let error = #expect(throws: CarinaError.self) { try ShardDirectory(path) }
    #expect(error?.kind == .badData && error?.description.contains("lzf") == true)
    #expect(error?.remedy?.contains("h5repack -f NONE") == true)
  }

  @Test("damage of every kind is found when a directory is opened or verified")
  func damage() throws {
    let archive = try SmallArchive()
    _ = try Preprocessor.run(try archive.options())
    let whole = try SmallArchive.contents(archive.shards)
    let shard = archive.shards + "/shard-00001.h5"
    let bytes = try #require(whole["shard-00001.h5"])

    func opening(_ damaged: Data?) throws -> CarinaError? {
      if let damaged { try damaged.write(to: URL(fileURLWithPath: shard)) } else { unlink(shard) }
      defer { try? bytes.write(to: URL(fileURLWithPath: shard)) }
      return #expect(throws: CarinaError.self) { try ShardDirectory(archive.shards) }
    }
    func replacing(_ old: String, _ new: String) throws -> Data {
      var changed = bytes
      // The last one: of two groups with a "bytes" each the names lie behind those.
      let range = try #require(changed.range(of: Data(old.utf8), options: .backwards))
      changed.replaceSubrange(range, with: Data(new.utf8))
      return changed
    }

    for length in [0, 7, 100, bytes.count / 2, bytes.count - 1] {
      #expect(try opening(bytes.prefix(length))?.kind == .badData, "cut to \(length)")
    }
    #expect(try opening(nil)?.kind == .missingInput)
    #expect(try opening(Data("text".utf8))?.kind == .badData)
    // Structures have checksums, so that whatever else is changed in a name is not believed.
    #expect(try opening(try replacing("pixels", "pixelz"))?.description.contains("/images/pixels") == true)
    #expect(try opening(try replacing("question", "questiom"))?.description.contains("/samples/") == true)
    // Another shard of the same directory, under the wrong name, and one of another transform.
    #expect(try opening(whole["shard-00002.h5"])?.description.contains("differs from the manifest") == true)
    #expect(
      try opening(try replacing(archive.options().transform.id, "0000000000000000"))?.kind == .badData)
    try ShardDirectory.verified(archive.shards)
    let none = #expect(throws: CarinaError.self) { try ShardDirectory(archive.directory.path) }
    #expect(none?.kind == .missingInput && none?.description.contains("manifest.json") == true)
    for text in ["", "[]", "{}", #"{"format": "carina-shards", "version": 4}"#] {
      try AtomicFile.write(text, to: archive.shards + "/manifest.json")
      let error = #expect(throws: CarinaError.self) { try ShardDirectory(archive.shards) }
      #expect(error?.kind == .badData, "\(text)")
    }
  }

  @Test("patients in two directories are a hard error with their names; unnamed ones are counted")
  func leakage() throws {
    let archive = try SmallArchive { $0.append(["image": "rgba8.png", "caption": "c", "id": "unnamed"]) }
    func run(_ name: String, _ keep: (Int) -> Bool) throws -> ShardDirectory {
      let part = try SmallArchive { list in
        list = list.enumerated().filter { keep($0.offset) }.map(\.element)
        list.append(["image": "rgba8.png", "caption": "c", "id": "unnamed"])
      }
      let output = archive.directory.file(name)
      _ = try Preprocessor.run(try part.options { $0.output = output })
      return try ShardDirectory(output)
    }
    let first = try run("first") { $0 % 12 < 6 }
    let second = try run("second") { $0 % 12 >= 6 }
    let third = try run("third") { $0 % 12 >= 4 }
    #expect(first.patients == ["p0", "p1", "p2"])
    let check = try LeakageCheck.requireDisjoint(first, second)
    #expect(check.unnamedImages == 2 && check.remark?.hasPrefix("2 images name no patient") == true)
    let error = #expect(throws: CarinaError.self) { try LeakageCheck.requireDisjoint(first, third) }
    #expect(error?.kind == .badData && error?.description.contains("p2") == true)
    #expect(error?.description.contains("p1") == false)
  }
}
