import Foundation

/// The images of one question: how many there may be, and the marks `<image>` by which other programs say where in a text
/// they stand.
package enum ImageMarks {
  /// The most images of a question.
  package static let imageLimit = 8
  private static let mark = "<image>"

  /// How many marks a text has.
  package static func count(in text: String) -> Int { text.components(separatedBy: mark).count - 1 }

  /// A text without its marks and the white space around what is left; one without marks as it is.
  package static func removed(from text: String) -> String {
    guard count(in: text) > 0 else { return text }
    return text.replacingOccurrences(of: mark, with: "").trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Why a text does not fit its images: it has marks, and more or fewer of them. Without any, the images stand before
  /// it. nil where they agree.
  package static func mismatch(_ marks: Int, images: Int) -> String? {
    guard marks > 0, marks != images else { return nil }
    return
      "the text has \(marks) \(marks == 1 ? "mark" : "marks") <image> for \(images) \(images == 1 ? "image" : "images")"
  }
}
