import ArgumentParser
import Carina
import CommandOptions

/// `bench operations`: the engine's operations against what the machine reaches in the same run.
struct OperationsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "operations", abstract: "Time the engine's operations against the machine's ceilings.",
    discussion:
      "Example: bench operations --repeats 5 --output results/bench/operations.txt --picture results/bench/operations.svg"
  )

  @Option(name: .long, help: "Runs of each operation; the median counts.")
  var repeats = 5
  @Option(name: .long, help: ArgumentHelp("File for the table.", valueName: "file"))
  var output: String?
  @Option(name: .long, help: ArgumentHelp("File for a drawing of it, SVG.", valueName: "file"))
  var picture: String?
  @Option(name: .long, help: "Rows of the activations: an image of 576 patches and 64 tokens of text.")
  var rows = 640
  @OptionGroup var precision: PrecisionOptions
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    if repeats < 1 { throw ValidationError("--repeats must be at least 1, not \(repeats).") }
    if !(1...1 << 20).contains(rows) { throw ValidationError("--rows must be from 1 to 1048576, not \(rows).") }
  }

  func run() throws {
    global.apply()
    let device = try precision.device(), machine = StepsCommand.machine(device)
    let ceilings = try Ceilings(repeats: repeats, on: device)
    device.backend.trimMemory()
    let measurements = try OperationBenchmarks(device: device, repeats: repeats, rows: rows).run()
    func number(_ value: Double) -> String { value < 10 ? oneDigit(value) : "\(Int(value.rounded()))" }
    var table = TextTable(
      ["operation", "ms", "rate", "unit", "of ceiling"], alignments: [.left, .right, .right, .left, .right])
    table.rows =
      measurements.map {
        [
          $0.name, oneDigit($0.seconds * 1000), number($0.rate.value), $0.rate.unit,
          "\(Int((ceilings.part($0) * 100).rounded()))%",
        ]
      }
    let text = """
      \(machine), \(device.productName), median of \(repeats)
      ceilings: \(ceilings.summary)

      \(table.text)
      """
    try writeToStandardOutput(text)
    if let output { try AtomicFile.write(text, to: output) }
    if let picture {
      try CeilingPicture.write(
        measurements.map { ($0.name, ceilings.part($0)) },
        title: "Operations: \(machine)", to: picture)
    }
  }

  private func oneDigit(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}
