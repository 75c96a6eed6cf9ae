import ArgumentParser
import Carina
import CommandOptions
import Foundation

/// `bench reading`: images per second of shuffled epochs over a shard directory.
struct ReadingCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reading", abstract: "Time shuffled epochs over the images of a shard directory, on one thread.",
    discussion: """
      Example: taskset -c 0 bench reading shards/train

      The first epoch brings the files into memory; the median of the others counts. Benchmarks/shard_reading.py does the \
      same with h5py.
      """)

  @Argument(help: "A shard directory.") var directory: String
  @Option(name: .long, help: "Epochs that count.") var epochs = 3
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    if epochs < 1 { throw ValidationError("--epochs must be at least 1, not \(epochs).") }
  }

  func run() throws {
    global.apply()
    let shards = try ShardDirectory(directory)
    let count = shards.imageCount
    var rates: [Double] = []
    var sum = 0
    for epoch in 0...epochs {
      var generator = SeededGenerator(seed: 1, stream: "reading.\(epoch)")
      let order = generator.permutation(count)
      let start = DispatchTime.now().uptimeNanoseconds
      for row in order { sum &+= Int(try shards.pixels(imageRow: row).values[0]) }
      rates.append(Double(count) / (Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9))
    }
    let counted = rates.dropFirst().sorted()
    // Printed so that no reading can be left out as unused.
    print(
      "carina: \(count) images of \(shards.transform.size) pixels, \(Int(counted[counted.count / 2])) images/s "
        + "(first epoch \(Int(rates[0]))), first pixels \(sum)")
  }
}
