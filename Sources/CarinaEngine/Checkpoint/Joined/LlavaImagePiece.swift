import CarinaRuntime
import CarinaText

/// The pieces that stand for the rows of an image in a LLaVA which is written here.
enum LlavaImagePiece: String, CaseIterable {
  /// Gemma 3's, which its tokenizers have.
  case softToken = "<image_soft_token>"
  /// LLaVA's, for a tokenizer without the other.
  case image = "<image>"

  /// The piece for a tokenizer.
  init(of tokenizer: any Tokenizer) {
    self = tokenizer.id(of: LlavaImagePiece.softToken.rawValue) == nil ? .image : .softToken
  }
}
