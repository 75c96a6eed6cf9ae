extension PhantomQuestionKind {
  /// The ways of asking it.
  package var phrasings: [String] {
    switch self {
    case .heartSize: ["Is the heart enlarged?", "Is there cardiomegaly?", "Is the cardiac silhouette enlarged?"]
    case .effusionPresence:
      ["Is there a pleural effusion?", "Is pleural fluid present?", "Does the image show a pleural effusion?"]
    case .pneumothoraxPresence: ["Is there a pneumothorax?", "Is a pneumothorax present?", "Is any lung collapsed?"]
    case .consolidationPresence:
      ["Is there consolidation?", "Is any part of the lungs consolidated?", "Does the image show consolidation?"]
    case .nodulePresence:
      ["Is there a pulmonary nodule?", "Is a nodule visible in the lungs?", "Does the image show a nodule?"]
    case .devicePresence:
      ["Is a support device present?", "Are there any tubes, lines or pacemakers?", "Does the image show a device?"]
    case .tubePresence:
      ["Is the patient intubated?", "Is there an endotracheal tube?", "Is an endotracheal tube in place?"]
    case .linePresence:
      ["Is there a central line?", "Is a central line in place?", "Does the image show a central line?"]
    case .normality: ["Is this a normal chest radiograph?", "Is the image normal?", "Is the chest radiograph normal?"]
    case .view: ["Is this an AP or a PA view?", "AP or PA?", "Which projection is this, AP or PA?"]
    case .effusionSide:
      ["Which side is the effusion on?", "On which side is the pleural effusion?", "Is the effusion left or right?"]
    case .pneumothoraxSide:
      ["Which side is the pneumothorax on?", "On which side is the pneumothorax?", "Which lung is collapsed?"]
    case .consolidationSide:
      ["Which lung is consolidated?", "On which side is the consolidation?", "Is the consolidation left or right?"]
    case .noduleSide: ["Which lung has the nodule?", "On which side is the nodule?", "Is the nodule left or right?"]
    case .consolidationZone:
      ["Where is the consolidation?", "In which zone is the consolidation?", "Which zone is consolidated?"]
    case .noduleZone: ["Where is the nodule?", "In which zone is the nodule?", "Which zone contains the nodule?"]
    case .effusionAmount:
      ["How large is the effusion?", "What is the size of the pleural effusion?", "How much pleural fluid is there?"]
    case .device: ["What device is present?", "Which support device is seen?", "Name the device, if there is one."]
    case .pleura:
      ["Describe the pleural spaces.", "What do the pleural spaces show?", "How do the pleural spaces look?"]
    case .abnormality:
      ["What is the abnormality, if any?", "What is abnormal in this image?", "Name the finding, if there is one."]
    }
  }
}
