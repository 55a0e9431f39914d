package textrec

import android.app.Activity
import android.content.Intent
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.net.Uri
import android.os.Bundle
import android.util.Base64
import android.widget.Button
import android.widget.ImageView
import android.widget.LinearLayout
import android.widget.TextView
import java.io.File
import java.util.concurrent.Executors

private const val MODEL = "model.tflite" // in src/main/assets
private const val PICTURE = 1 // what this screen asks another app for

/** One screen: choose a picture of a word, and see what stands in it. */
class MainActivity : Activity() {
    private val background = Executors.newSingleThreadExecutor() // loads the model and reads, in this order
    private lateinit var recognizer: Recognizer
    private lateinit var picture: ImageView
    private lateinit var answer: TextView

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        picture = ImageView(this).apply { adjustViewBounds = true }
        answer = TextView(this).apply { textSize = 24f }
        val choose = Button(this).apply {
            text = "Choose a picture of a word"
            setOnClickListener { startActivityForResult(Intent(Intent.ACTION_GET_CONTENT).setType("image/*"), PICTURE) }
        }
        setContentView(LinearLayout(this).apply {
            orientation = LinearLayout.VERTICAL
            setPadding(48, 48, 48, 48)
            fitsSystemWindows = true
            listOf(choose, picture, answer).forEach(::addView)
        })
        inBackground {
            recognizer = Recognizer(modelFile())
            selftest()
        }
    }

    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        super.onActivityResult(request, result, data)
        val uri = data?.data ?: return
        inBackground {
            val bitmap = requireNotNull(open(uri)) { "This picture cannot be opened." }
            runOnUiThread { picture.setImageBitmap(bitmap) }
            val (text, confidence) = recognizer.read(bitmap.pixels())
            "%s\n%.1f %%".format(text, 100 * confidence)
        }
    }

    override fun onDestroy() {
        super.onDestroy()
        background.execute { if (::recognizer.isInitialized) recognizer.close() }
        background.shutdown()
    }

    /** Reads the sample that the file carries. */
    private fun selftest(): String {
        val png = Base64.decode(recognizer.metadata["sample_image"], Base64.DEFAULT)
        val (text, confidence) = recognizer.read(BitmapFactory.decodeByteArray(png, 0, png.size).pixels())
        val expected = recognizer.metadata["sample_text"]
        val verdict = if (text == expected) "passed" else "FAILED"
        return "Self-test %s: read “%s” (%.1f %%), expected “%s”".format(verdict, text, 100 * confidence, expected)
    }

    /** Shows the sentence that the work gives, or why it failed. */
    private fun inBackground(work: () -> String) = background.execute {
        val sentence = try {
            work()
        } catch (error: Exception) {
            error.message ?: error.toString()
        }
        runOnUiThread { answer.text = sentence }
    }

    private fun open(uri: Uri): Bitmap? = contentResolver.openInputStream(uri)?.use(BitmapFactory::decodeStream)

    /** The model as a file, which LiteRT maps into memory: assets lie packed in the app. */
    private fun modelFile() = File(filesDir, MODEL).also { file ->
        assets.open(MODEL).use { packed -> file.outputStream().use(packed::copyTo) }
    }
}

private fun Bitmap.pixels() =
    Pixels(width, height, IntArray(width * height).also { getPixels(it, 0, width, 0, 0, width, height) })
