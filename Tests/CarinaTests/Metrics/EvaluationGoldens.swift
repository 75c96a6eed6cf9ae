import Carina
import Foundation

/// The files that `Tests/Reference/make_score_goldens.py` wrote.
enum EvaluationGoldens {
  static func read(_ name: String) throws -> JSONValue {
    guard let url = Bundle.module.url(forResource: "Goldens/evaluation/\(name)", withExtension: "json") else {
      throw CarinaError(.missingInput, "no such golden", at: name)
    }
    return try JSONValue.parseFile(url.path)
  }

  static func strings(_ value: JSONValue?) -> [String] { value?.array?.compactMap(\.string) ?? [] }

  /// The fixtures with their predictions and references.
  static func answers() throws -> [ScoredAnswer] {
    try read("scores")["answers"]?.array?.map {
      ScoredAnswer(
        id: $0["id"]?.string ?? "", prediction: $0["prediction"]?.string ?? "",
        references: strings($0["references"]), answerType: $0["answer_type"]?.string)
    } ?? []
  }
}
