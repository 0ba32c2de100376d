//! Rules of user data: samples and labels that a model is calibrated with or judged by.

crate::codes! {
    UNKNOWN_DATA_FORMAT = "CF-DAT-001", Data,
        "The data is of no form that cofit reads",
        why: "Samples come from NumPy arrays, from a table, or from a folder of images; which of them is told by the ending of the name.",
        cure: "Give a .npz or .npy file, a .csv file, or a folder of .png and .jpg images.";
    BROKEN_ARRAY = "CF-DAT-002", Data,
        "An array cannot be read",
        why: "The file is damaged, encrypted, shorter than its header says, or holds something else than plain numbers.",
        cure: "Write it again with numpy.save, numpy.savez or numpy.savez_compressed, as numbers and not as objects.";
    NO_INPUT_ARRAY = "CF-DAT-003", Data,
        "The file has no array for an input of the model",
        why: "An array belongs to an input by its key: the name of the input, or for the first input also inputs, x, x_test or arr_0.",
        cure: "Save the arrays under the names of the model's inputs, which `cofit inspect` lists.";
    SHAPE_MISMATCH = "CF-DAT-004", Data,
        "The samples do not have the shape that the model takes",
        why: "The first axis counts the samples. The rest must be the input's shape without its batch; axes of length 1 may be missing or added.",
        cure: "Reshape or transpose the array so that one sample has the shape of the model's input.";
    BAD_LABELS = "CF-DAT-005", Data,
        "The labels do not belong to the samples",
        why: "There is one label for every sample: a class from 0, a row that is 1 at the class, or the values that the model should give.",
        cure: "Give as many labels as samples, in the same order.";
    BAD_CELL = "CF-DAT-006", Data,
        "A table has a cell that is no number, or a row of another length",
        why: "Every row of a table is one sample, and every cell except the label is one element of it, in row-major order.",
        cure: "Correct the row, or name the column that is the label with `--label-column`.";
    NO_LABEL_COLUMN = "CF-DAT-007", Usage,
        "The table has no label column of that name or number",
        why: "`--label-column` takes a name of the header, or a number that counts columns from 0.",
        cure: "Use a name or a number of the table's columns.";
    BAD_IMAGE = "CF-DAT-008", Data,
        "An image cannot be read",
        why: "The file is damaged, is no PNG or JPEG image, or is larger than any image for a small network needs to be.",
        cure: "Replace or remove the file.";
    BAD_IMAGE_FOLDER = "CF-DAT-009", Data,
        "A folder does not hold images as cofit reads them",
        why: "A folder holds either subfolders, each with the images of one class, or images without labels.",
        cure: "Put the images of every class into a subfolder of its own, or all images into one folder.";
    NO_IMAGE_INPUT = "CF-DAT-010", Data,
        "The model takes no images",
        why: "An image needs one input with a height, a width, and 1 or 3 channels.",
        cure: "Give arrays in a .npz file, with one key for every input of the model.";
    DATA_TOO_LARGE = "CF-DAT-011", Data,
        "The data is more than is read at once",
        why: "Arrays are held in memory, and a small compressed file can claim to hold more than any machine has.",
        cure: "Cut the file into parts, or give images in a folder, which are read one by one.";
    NO_SAMPLES = "CF-DAT-012", Data,
        "There are no samples",
        why: "The data is empty, or `--skip` leaves nothing of it.",
        cure: "Give data with samples, or skip fewer of them.";
    BAD_VALUE = "CF-DAT-013", Data,
        "A sample has a value that the model's input cannot hold",
        why: "Values must be finite; an integer input without a scale takes whole numbers of its own range.",
        cure: "Remove the value, or clip it before it is saved.";
    BAD_SCALE = "CF-DAT-014", Data,
        "The scale of the data is no positive number",
        why: "Inputs are multiplied by it, so that stored integers mean the reals that the model was trained with.",
        cure: "Store one positive finite number under `scale`, or give it with `--input-scale`.";
    ODD_RANGE = "CF-DAT-015", Data,
        "The data hardly fits the range of the model's input",
        why: "A quantised input states the range of reals that it was calibrated for. Data far outside is cut off, and data that fills a small part of it loses its detail: usually the data was scaled in another way in training.",
        cure: "Scale the data as in training: `--input-scale F` multiplies arrays, `--pixels` chooses the range of images.";
    LABELS_MISSING = "CF-DAT-016", Data,
        "The metric needs labels, and the data has none",
        why: "An accuracy compares with the class of every sample.",
        cure: "Add labels under the key `labels` of the .npz file, with `--labels FILE.npy`, as a column of the table, or as subfolders.";
}
