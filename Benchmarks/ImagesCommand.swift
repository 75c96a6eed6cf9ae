import ArgumentParser
import Carina
import CommandOptions
import Foundation

/// `bench images`: whole runs of preprocess with exact and with fast decoding, and how far their pixels are apart.
struct ImagesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "images", abstract: "Time preprocess with exact and fast decoding, and compare their pixels.",
    discussion: """
      Example: bench images --images archive --peer "python3 pil_preprocess.py"

      Runs take turns. The peer is started with the directory and a file to write as arguments and SIZE and PROCS in its \
      environment, and ends its output in a line like "60 images in 1.70 s = 35.3 img/s".
      """)

  @Option(name: .long, help: ArgumentHelp("Directory of images, at any depth.", valueName: "dir")) var images: String
  @Option(name: .customLong("image-size"), help: "Pixels a side.") var imageSize = 384
  @Option(name: .long, help: "Threads that decode (default: --threads).") var workers: Int?
  @Option(name: .long, help: "Runs of each; the best counts, as others may use the machine.") var repeats = 3
  @Option(name: .long, help: ArgumentHelp("A program to time beside it.", valueName: "command")) var peer: String?
  @OptionGroup var global: GlobalOptions

  func run() throws {
    global.apply()
    let names = try imageNames()
    let directory = NSTemporaryDirectory() + "carina-bench-images-\(ProcessInfo.processInfo.processIdentifier)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let records = try names.map { name in
      let record: JSONValue = ["image": .string(name), "caption": "x"]
      return try record.serialized()
    }
    try AtomicFile.write(records.joined(separator: "\n") + "\n", to: directory + "/records.jsonl")
    var rates: [(name: String, rates: [Double])] = [("exact", []), ("fast", [])] + (peer == nil ? [] : [("peer", [])])
    var stored = 0
    for _ in 0..<max(1, repeats) {
      for index in rates.indices {
        let name = rates[index].name
        if name == "peer" {
          rates[index].rates.append(try peerRate(directory))
        } else {
          let (rate, count) = try ownRate(directory, isFast: name == "fast")
          rates[index].rates.append(rate)
          stored = count
        }
      }
    }
    try writeToStandardOutput("\(stored) of \(names.count) images, \(imageSize) pixels, \(decoders) threads\n")
    for (name, rates) in rates {
      let best = rates.max() ?? 0
      try writeToStandardOutput("\(name)  images_per_second \(rounded(best))\n")
    }
    try writeToStandardOutput(try difference(directory))
  }

  private var decoders: Int { workers ?? ThreadTeam.count }

  private func imageNames() throws -> [String] {
    let kinds = Set(["jpg", "jpeg", "png", "dcm", "dicom"])
    let names = (FileManager.default.enumerator(atPath: images)?.compactMap { $0 as? String } ?? [])
      .filter { kinds.contains(($0 as NSString).pathExtension.lowercased()) }.sorted()
    guard !names.isEmpty else {
      throw CarinaError(.missingInput, "there are no images", at: images, expected: "JPEG, PNG or DICOM files")
    }
    return names
  }

  private func ownRate(_ directory: String, isFast: Bool) throws -> (rate: Double, images: Int) {
    var options = PreprocessOptions(
      records: directory + "/records.jsonl", imageRoots: [images],
      output: directory + (isFast ? "/fast" : "/exact"),
      transform: try ImageTransform(size: imageSize, window: .minmax, fastDecode: isFast))
    options.workers = decoders
    options.maxRejected = 1
    let start = DispatchTime.now().uptimeNanoseconds
    let summary = try Preprocessor.run(options)
    let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
    return (Double(summary.manifest.images) / seconds, summary.manifest.images)
  }

  private func peerRate(_ directory: String) throws -> Double {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      (peer ?? "").split(separator: " ").map(String.init) + [images, directory + "/peer.h5"]
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["SIZE": "\(imageSize)", "PROCS": "\(decoders)"]) { $1 }
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    let words = text.split(whereSeparator: \.isWhitespace)
    guard process.terminationStatus == 0, let unit = words.lastIndex(of: "img/s"), unit > 0,
      let rate = Double(words[unit - 1])
    else {
      throw CarinaError(
        .badData, "the peer failed or did not end in a rate", at: peer ?? "", found: String(text.suffix(200)))
    }
    return rate
  }

  /// How many grey levels the two are apart, over all values of all images.
  private func difference(_ directory: String) throws -> String {
    let exact = try ShardDirectory(directory + "/exact"), fast = try ShardDirectory(directory + "/fast")
    var histogram = [Int](repeating: 0, count: 256)
    var square = 0.0, worstMean = 0.0
    for row in 0..<exact.imageCount {
      let first = try exact.pixels(imageRow: row).expanded(), second = try fast.pixels(imageRow: row).expanded()
      var sum = 0
      for (a, b) in zip(first.values, second.values) {
        let distance = abs(Int(a) - Int(b))
        histogram[distance] += 1
        sum += distance
        square += Double(distance * distance)
      }
      worstMean = max(worstMean, Double(sum) / Double(first.values.count))
    }
    let total = Double(histogram.reduce(0, +))
    let mean = Double(histogram.enumerated().reduce(0) { $0 + $1.offset * $1.element }) / total
    func above(_ limit: Int) -> String { rounded(Double(histogram[(limit + 1)...].reduce(0, +)) / total * 100) + "%" }
    return """
      fast against exact, in grey levels: mean \(rounded(mean)), root mean square \(rounded((square / total).squareRoot())), \
      mean of the worst image \(rounded(worstMean)), largest \(histogram.lastIndex { $0 > 0 } ?? 0)
      values apart by more than 1: \(above(1)), 2: \(above(2)), 4: \(above(4)), 8: \(above(8))

      """
  }

  private func rounded(_ value: Double) -> String { "\((value * 1000).rounded() / 1000)" }
}
