import CarinaRuntime
import CarinaText
import Foundation

/// The layouts of prompts as Jinja templates for transformers.
package enum ChatTemplate {
  /// Gemma 3's layout: `Gemma3PromptLayout`.
  /// - Parameter image: what stands where an image does. `Gemma3Processor` puts the rows of an image and the line breaks
  ///   around them where `<start_of_image>` stands.
  static func gemma3(image: String) -> String {
    """
    {{ bos_token }}{% set before = namespace(text='') %}{% for message in messages %}\
    {% set parts = [{'type': 'text', 'text': message['content']}] if message['content'] is string else message['content'] %}\
    {% if message['role'] == 'system' %}{% set before.text = parts[0]['text'] + '\\n\\n' %}{% else %}\
    {{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else message['role']) + '\\n' + before.text }}\
    {% set before.text = '' %}{% for part in parts %}\
    {{ '\(image)' if part['type'] == 'image' else part['text'] | trim }}{% endfor %}\
    {{ '<end_of_turn>\\n' }}{% endif %}{% endfor %}\
    {% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}

    """
  }

  /// A layout for `LlavaProcessor`, which puts the rows of an image where its piece stands.
  /// - Parameter image: the text of that piece.
  package static func llava(_ style: PromptStyle, image: String) -> String {
    let image = image.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "'", with: "\\'")
    switch style {
    case .gemma3:
      return gemma3(image: "\\n\\n<start_of_image>\(image)<end_of_image>\\n\\n")
    case .gemma:
      return turns(
        image: image, opening: "{{ bos_token }}",
        before: "{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else 'user') + '\\n' }}",
        user: "part['text'] | trim", after: "{{ '<end_of_turn>\\n' }}",
        ending: "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}")
    case .plain:
      return turns(
        image: image, opening: "{{ bos_token }}", before: "", user: "part['text']",
        after: "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}", ending: "")
    case .seed:
      return turns(
        image: image, opening: "", before: "{% if message['role'] == 'assistant' %}{{ bos_token }}{% endif %}",
        user: "part['text']", after: "", ending: "")
    }
  }

  /// Turns of a user, images first, and of an assistant.
  private static func turns(
    image: String, opening: String, before: String, user: String, after: String, ending: String
  ) -> String {
    """
    \(opening){% for message in messages %}\
    {% if message['role'] not in ['user', 'assistant'] %}{{ raise_exception('the model was trained without a system text') }}\
    {% endif %}\
    {% set parts = [{'type': 'text', 'text': message['content']}] if message['content'] is string else message['content'] %}\
    \(before){% for part in parts %}{% if part['type'] == 'image' %}{{ '\(image)' }}{% endif %}{% endfor %}\
    {% for part in parts %}{% if part['type'] == 'text' %}\
    {{ \(user) if message['role'] == 'user' else part['text'] }}{% endif %}{% endfor %}\
    \(after){% endfor %}\(ending)

    """
  }
}

extension ModelDirectory {
  /// The layout that a LLaVA's own `chat_template.jinja` lays out, where it is one that is written here; else gemma's, in
  /// which an image stands in the first turn with nothing around it.
  package var llavaPromptStyle: PromptStyle {
    let file = file("chat_template.jinja")
    guard let data = try? ReadableFile.read(file, limit: .document), let text = String(bytes: data, encoding: .utf8)
    else {
      return .gemma
    }
    return PromptStyle.allCases.first { style in
      LlavaImagePiece.allCases.contains { ChatTemplate.llava(style, image: $0.rawValue) == text }
    } ?? .gemma
  }
}
