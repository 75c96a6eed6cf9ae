import CarinaRuntime

/// Which images the samples of a shard show: a row of the shard each, or numbers by which the directory finds them.
struct SampleImages: Sendable {
  /// A row a sample; empty where samples have lists.
  let rows: [Int32]
  /// The numbers of all samples, one after the other; empty where each has a row.
  let numbers: [Int64]
  /// Where the numbers of a sample begin, and the last one's end; nil where each has a row.
  let offsets: [Int64]?
  /// The number of each image of the shard, ascending; nil where images are numbered by their rows.
  let ofImages: [Int64]?

  /// How many samples there are.
  var count: Int { offsets.map { $0.count - 1 } ?? rows.count }

  /// How many images a sample shows at most.
  var most: Int { offsets.flatMap { zip($0.dropFirst(), $0).lazy.map { Int($0 - $1) }.max() } ?? 1 }

  /// One image a sample: a row of the shard.
  /// - Throws: `CarinaError.badData` for a row that is not there.
  init(rows: [Int32], imageCount: Int, _ file: HDF5InputFile) throws {
    guard rows.allSatisfy({ (0..<imageCount).contains(Int($0)) }) else {
      throw file.bad("a sample names an image row that is not there")
    }
    (self.rows, numbers, offsets, ofImages) = (rows, [], nil, nil)
  }

  /// A list of images a sample.
  /// - Throws: `CarinaError.badData` where lists and numbers do not agree.
  init(_ file: HDF5InputFile) throws {
    let own: [Int64] = try file.checkedIntegers(ShardFormat.imageNumbers)
    let numbers: [Int64] = try file.checkedIntegers(ShardFormat.sampleNumbers)
    let offsets: [Int64] = try file.checkedIntegers(ShardFormat.sampleOffsets)
    guard own.allSatisfy({ $0 >= 0 }), zip(own, own.dropFirst()).allSatisfy({ $0 < $1 }) else {
      throw file.bad("\(ShardFormat.imageNumbers) does not go up from 0 or more")
    }
    guard offsets.first == 0, offsets.last == Int64(numbers.count),
      // Compared before they are subtracted: a difference of two foreign numbers may not fit.
      zip(offsets, offsets.dropFirst()).allSatisfy({ 0 <= $0 && $0 < $1 && $1 - $0 <= ImageMarks.imageLimit })
    else {
      throw file.bad(
        "\(ShardFormat.sampleOffsets) do not go up from 0 to the count of numbers",
        expected: "1 to \(ImageMarks.imageLimit) images a sample")
    }
    (rows, self.numbers, self.offsets, ofImages) = ([], numbers, offsets, own)
  }
}
