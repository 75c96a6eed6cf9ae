import CarinaModel
import CarinaRuntime
import CarinaTensor
import Foundation

/// Gives a model under construction its weights from a checkpoint, and afterwards says in one error everything that did
/// not fit.
///
/// In fp32 all weights are fp32 (in place where the file is). In bfloat16 the matrices that enter products are bfloat16
/// (in place where the file is), and norms, biases, positions and single numbers fp32. A weight that is missing or does
/// not fit is answered with zeros, so that construction goes on; `finish` then throws.
package final class StrictLoader: ParameterSource {
  private let directory: WeightsDirectory
  private let format: TensorFormat
  private let precision: ElementType
  private var fileNames: [String: String] = [:]
  private var unnamed: [String] = []
  private var asked = Set<String>()
  private var missing: [String] = []
  private var misshapen: [String] = []
  private var wrongElements: [String] = []
  private var doubled: [String] = []
  private var weightCount = 0, mappedByteCount = 0

  /// A loader for one model.
  /// - Parameters:
  ///   - format: what the files call the tensors, and what they may hold besides.
  ///   - precision: what products are computed in.
  package init(directory: WeightsDirectory, format: TensorFormat, precision: ElementType) {
    self.directory = directory
    self.format = format
    self.precision = precision
    for name in directory.names {
      guard let own = format.engineName(name) else {
        unnamed.append(name)
        continue
      }
      if let other = fileNames.updateValue(name, forKey: own) { doubled.append("\(other) and \(name) are both \(own)") }
    }
  }

  /// See `ParameterSource`.
  package func parameter(_ name: String, shape: [Int], decays: Bool, initialization: Initialization) -> Parameter {
    Parameter(name: name, value: value(name, shape: shape), decays: decays)
  }

  private func value(_ name: String, shape: [Int]) -> Tensor {
    asked.insert(name)
    weightCount += shape.reduce(1, *)
    guard let fileName = fileNames[name], let (file, entry) = directory.find(fileName) else {
      missing.append("\(name) \(shape)")
      return ZeroPages.tensor(shape)
    }
    guard entry.shape == shape else {
      misshapen.append("\(name) (expected \(shape), found \(entry.shape))\(turned(name, shape, entry.shape))")
      return ZeroPages.tensor(shape)
    }
    guard let tensor = try? file.tensor(entry) else {
      wrongElements.append("\(name) (\(entry.element.rawValue))")
      return ZeroPages.tensor(shape)
    }
    let value = tensor.converted(to: TensorTable.elementType(of: name, shape: shape, precision: precision))
    if value.storage.isBorrowed {
      mappedByteCount += value.storage.byteCount
    } else {
      tensor.storage.releaseResidentPages()
    }
    return value
  }

  /// A hint at axes that stand in another order.
  private func turned(_ name: String, _ expected: [Int], _ found: [Int]) -> String {
    guard expected.sorted() == found.sorted() else { return "" }
    return " of axes that are not \(TensorFormat.axes(of: name, rank: expected.count).joined(separator: ", "))"
  }

  /// What a completed load did.
  package struct Summary: Equatable, Sendable {
    /// Numbers that the model took.
    package let weightCount: Int
    /// Bytes used in place, in the mapped files.
    package let mappedByteCount: Int
    /// Tensors of the files that were left out knowingly, with the reason.
    package let ignored: [(name: String, reason: String)]

    /// Equal in all parts.
    package static func == (left: Summary, right: Summary) -> Bool {
      left.weightCount == right.weightCount && left.mappedByteCount == right.mappedByteCount
        && left.ignored.elementsEqual(right.ignored) { $0 == $1 }
    }
  }

  /// Ends the loading, once the model has asked for all its weights.
  /// - Throws: one `CarinaError.badData` with every tensor that was missing, left over, misshaped, stored in a type
  ///   that cannot be computed with, or there twice.
  @discardableResult
  package func finish() throws -> Summary {
    var extra = unnamed
    var dropped = [(name: String, reason: String)]()
    for (own, fileName) in fileNames.sorted(by: { $0.key < $1.key }) where !asked.contains(own) {
      guard let rule = format.leftOut.first(where: { $0.matches(own) }) else {
        extra.append(fileName)
        continue
      }
      if case .copy(_, let original) = rule.which {
        switch repeats(fileName, original) {
        case true?: dropped.append((fileName, rule.reason))
        case false?: extra.append("\(fileName) (differs from the embedding: an untied head is not supported)")
        case nil: extra.append(fileName)
        }
      } else {
        dropped.append((fileName, rule.reason))
      }
    }
    let findings: [(title: String, names: [String])] = [
      ("missing", missing), ("left over", extra), ("misshaped", misshapen),
      ("stored in a type that cannot be computed with (F32, BF16 and F16 can)", wrongElements),
      ("there twice", doubled),
    ]
    let texts = findings.filter { !$0.names.isEmpty }.map { finding in
      "\(finding.names.count) \(finding.title): \(finding.names.joined(separator: ", "))"
    }
    guard texts.isEmpty else {
      throw CarinaError(
        .badData, "the weights do not fit the configuration: \(texts.joined(separator: "; "))", at: directory.path,
        remedy: "Check that config.json and the weights are of the same model.")
    }
    return Summary(weightCount: weightCount, mappedByteCount: mappedByteCount, ignored: dropped)
  }

  /// Whether a tensor's bytes are those of another; nil where either is absent.
  private func repeats(_ fileName: String, _ original: String) -> Bool? {
    guard let head = directory.find(fileName), let tableName = fileNames[original],
      let table = directory.find(tableName)
    else { return nil }
    guard head.entry.element == table.entry.element, head.entry.shape == table.entry.shape else { return false }
    return head.file.withBytes(of: head.entry) { left in
      table.file.withBytes(of: table.entry) { right in
        guard let leftStart = left.baseAddress, let rightStart = right.baseAddress else { return true }
        return memcmp(leftStart, rightStart, left.count) == 0
      }
    }
  }
}
