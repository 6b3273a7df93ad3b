"""Help of flags that several commands have."""

TRUST_HELP = "Let code inside the model run, such as that of Lambda layers."
RESCALE_HELP = (
    "FACTOR[,OFFSET] that the model expects values from 0 to 255 to go through, such "
    "as 1/255 or 1/127.5,-1."
)
INTERPOLATION_HELP = (
    "How images were resized in training, all but the first without antialiasing, as "
    "Keras loads them"
)
PREPROCESSING_HELP = "Module of keras.applications whose preprocess_input to apply."
