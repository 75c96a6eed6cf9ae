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
  private let backend: any Backend
  private let readsNumbers: Bool
  private var fileNames: [String: String] = [:]
  private var unnamed: [String] = []
  private var asked = Set<String>()
  private var missing: [String] = []
  private var misshapen: [String] = []
  private var wrongElements: [String] = []
  private var doubled: [String] = []
  private var weightCount = 0, mappedByteCount = 0, roundedCount = 0

  /// A loader for one model.
  /// - Parameters:
  ///   - format: what the files call the tensors, and what they may hold besides.
  ///   - precision: what products are computed in.
  ///   - backend: what will compute with the weights.
  ///   - readsNumbers: false looks at names, shapes and types alone; what is made of it must not be computed with.
  package init(
    directory: WeightsDirectory, format: TensorFormat, precision: ElementType, on backend: any Backend,
    readsNumbers: Bool = true
  ) {
    self.directory = directory
    self.format = format.unwrapping(directory)
    self.precision = precision
    self.backend = backend
    self.readsNumbers = readsNumbers
    for name in directory.names {
      guard let own = self.format.engineName(name) else {
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
      return ZeroPages.tensor(shape, on: backend)
    }
    guard entry.shape == shape else {
      misshapen.append("\(name) (expected \(shape), found \(entry.shape))\(turned(name, shape, entry.shape))")
      return ZeroPages.tensor(shape, on: backend)
    }
    guard readsNumbers || !SafetensorsElement.computable.contains(entry.element) else {
      return ZeroPages.unreadable(shape, on: backend)
    }
    guard let tensor = try? file.tensor(entry, on: backend) else {
      wrongElements.append("\(name) (\(entry.element.rawValue))")
      return ZeroPages.tensor(shape, on: backend)
    }
    if entry.element == .float64 { roundedCount += 1 }
    let value = tensor.converted(to: TensorTable.elementType(of: name, shape: shape, precision: precision))
    if value.storage.isBorrowed {
      mappedByteCount += value.storage.byteCount
    } else {
      tensor.storage.releaseResidentPages()
      if tensor.storage.isBorrowed {
        let type = value.elementType
        value.storage.setRemaking {
          defer { tensor.storage.releaseResidentPages() }
          return tensor.converted(to: type).storage
        }
      }
    }
    return value
  }

  /// Looks whether a part's tensors are all there, without reading one.
  /// - Throws: as `finish`.
  static func look(at weights: WeightsDirectory, _ format: TensorFormat, _ build: (ParameterSource) -> Void) throws {
    let loader = StrictLoader(
      directory: weights, format: format, precision: .float32, on: CPUBackend(), readsNumbers: false)
    build(loader)
    try loader.finish()
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
    /// Tensors that were rounded from double precision.
    package let roundedCount: Int
    /// What was taken off the names of all tensors of the files; empty for nothing.
    package let wrapper: String

    init(
      weightCount: Int, mappedByteCount: Int, ignored: [(name: String, reason: String)], roundedCount: Int,
      wrapper: String
    ) {
      self.weightCount = weightCount
      self.mappedByteCount = mappedByteCount
      self.ignored = ignored
      self.roundedCount = roundedCount
      self.wrapper = wrapper
    }

    /// That of several models that were read from the same files: only what none of them took was left out.
    init(together all: [Summary]) {
      var ignored: [(name: String, reason: String)] = all.first?.ignored ?? []
      for other in all.dropFirst() {
        let reasons = Dictionary(other.ignored.map { ($0.name, $0.reason) }) { first, _ in first }
        ignored = ignored.compactMap { name, reason in
          reasons[name].map { (name, TensorFormat.isOfAnotherPart(reason) ? $0 : reason) }
        }
      }
      self.init(
        weightCount: all.reduce(0) { $0 + $1.weightCount },
        mappedByteCount: all.reduce(0) { $0 + $1.mappedByteCount }, ignored: ignored,
        roundedCount: all.reduce(0) { $0 + $1.roundedCount }, wrapper: all.first?.wrapper ?? "")
    }

    /// What there is to say, a line each: what was left out and why, and what was rounded.
    package var remarks: [String] {
      var reasons: [(reason: String, count: Int)] = []
      for (_, reason) in ignored {
        if let index = reasons.firstIndex(where: { $0.reason == reason }) {
          reasons[index].count += 1
        } else {
          reasons.append((reason, 1))
        }
      }
      func tensors(_ count: Int) -> String { count == 1 ? "1 tensor" : "\(count) tensors" }
      let left = reasons.map { "\(tensors($0.count)): \($0.reason)" }.joined(separator: "; ")
      return (wrapper.isEmpty ? [] : ["took \(wrapper) off all names, which a wrapper around the model left there"])
        + (left.isEmpty ? [] : ["left out \(left)"])
        + (roundedCount == 0 ? [] : ["\(tensors(roundedCount)) of F64 rounded to F32"])
    }

    /// Equal in all parts.
    package static func == (left: Summary, right: Summary) -> Bool {
      left.weightCount == right.weightCount && left.mappedByteCount == right.mappedByteCount
        && left.roundedCount == right.roundedCount && left.wrapper == right.wrapper
        && left.ignored.elementsEqual(right.ignored) { $0 == $1 }
    }
  }

  /// Ends the loading, once the model has asked for all its weights.
  /// - Throws: one `CarinaError.badData` with every tensor that was missing, left over, misshaped, stored in a type
  ///   that cannot be computed with, there twice, or only in the index of the files.
  @discardableResult
  package func finish() throws -> Summary {
    var extra = unnamed, differing: [String] = []
    var dropped = [(name: String, reason: String)]()
    for (own, fileName) in fileNames.sorted(by: { $0.key < $1.key }) where !asked.contains(own) {
      guard let rule = format.leftOut.first(where: { $0.matches(own) }) else {
        extra.append(fileName)
        continue
      }
      if readsNumbers, case .copy(_, let original) = rule.which {
        switch fileNames[original].flatMap({ directory.haveEqualNumbers(fileName, $0) }) {
        case true?: dropped.append((fileName, rule.reason))
        case false?: differing.append("\(fileName) (differs from \(original))")
        case nil: extra.append(fileName)
        }
      } else {
        dropped.append((fileName, rule.reason))
      }
    }
    var unheld: [String] = []
    for name in directory.unheld {
      guard let own = format.engineName(name), !asked.contains(own) else {
        unheld.append(name)
        continue
      }
      if format.leftOut.contains(where: { $0.matches(own) }) {
        dropped.append((name, "in the index of the files alone, and not needed"))
      } else {
        unheld.append(name)
      }
    }
    let findings: [(title: String, names: [String])] = [
      ("missing", missing), ("left over", extra + differing), ("misshaped", misshapen),
      ("stored in a type that cannot be computed with (F32, BF16, F16 and F64 can)", wrongElements),
      ("there twice", doubled), ("in the index of the files and in none of them", unheld),
    ]
    let texts = findings.filter { !$0.names.isEmpty }.map { finding in
      "\(finding.names.count) \(finding.title): \(NameList.text(finding.names))"
    }
    guard texts.isEmpty else {
      let wrapper = wrapperPrefix(extra)
      let tool = UnfinishedWeights.remedy(extra)
      throw CarinaError(
        .badData, "the weights do not fit the configuration: \(texts.joined(separator: "; "))", at: directory.path,
        remedy: tool ?? wrapper.map {
          "Before every name stands \($0), as a wrapper around the model leaves it: save the model from inside the "
            + "wrapper, or take this off the names."
        }
          ?? (unheld.isEmpty
            ? "Check that config.json and the weights are of the same model."
            : "The files are not those that the index was written for: fetch the model again."))
    }
    return Summary(
      weightCount: weightCount, mappedByteCount: mappedByteCount, ignored: dropped, roundedCount: roundedCount,
      wrapper: format.wrapper)
  }

  /// What stands before the names of all tensors that are left over, where they are otherwise the missing ones.
  private func wrapperPrefix(_ extra: [String]) -> String? {
    guard !missing.isEmpty, let first = extra.first else { return nil }
    let common = NameList.commonPrefix(extra)
    for dot in first.indices where first[dot] == "." {
      let prefix = first[...dot]
      guard common.hasPrefix(prefix) else { return nil }
      let inner = extra.map { format.engineName(String($0.dropFirst(prefix.count))) }
      if inner.allSatisfy({ name in name.map { asked.contains($0) && fileNames[$0] == nil } ?? false }) {
        return String(prefix)
      }
    }
    return nil
  }
}
