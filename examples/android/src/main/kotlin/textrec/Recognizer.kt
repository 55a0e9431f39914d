package textrec

import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.LiteRtException
import java.io.File
import java.io.RandomAccessFile
import java.nio.ByteOrder
import java.nio.MappedByteBuffer
import java.nio.channels.FileChannel
import org.json.JSONArray
import org.json.JSONObject

/** The contract of exported files that this code is written against. */
private const val CONTRACT = 1

/** What stands in an image; `confidence`, 0 to 1, is the mean of its characters', or calibrated as the file's preset. */
data class Reading(val text: String, val confidence: Float)

/**
 * Reads images of words or lines with a .tflite file that keras_textrec exported.
 *
 * @throws IllegalArgumentException there is no such file, or it is none that can be read here; one sentence says why.
 */
class Recognizer(file: File) : AutoCloseable {
    /** What the file says about itself. */
    val metadata: Map<String, String> = metadataOf(file)

    private val charset: List<String>
    private val rightToLeft: Boolean
    private val turnsTall: Boolean
    private val converter: Converter
    private val model: CompiledModel

    init {
        val contract = requireNotNull(metadata["contract"]?.toIntOrNull()) {
            "${file.name} is not an export of keras_textrec."
        }
        require(contract <= CONTRACT) {
            "${file.name} was exported by keras_textrec ${metadata["version"]}, which is newer than this app."
        }
        charset = JSONArray(metadata["charset"]).let { list -> List(list.length()) { list.getString(it) } }
        rightToLeft = JSONObject(metadata.getValue("decoder")).optBoolean("right_to_left")
        turnsTall = metadata["orientations"] == "\"tall\""
        converter = Converter(JSONObject(metadata.getValue("converter")))
        model = try {
            CompiledModel.create(file.path, CompiledModel.Options(Accelerator.CPU))
        } catch (error: LiteRtException) {
            throw IllegalArgumentException("LiteRT cannot load ${file.name}: ${error.message}", error)
        }
    }

    private val outputs = try {
        listOf("characters", "confidences", "left", "right", "confidence")
            .associateWith { model.createOutputBuffer(it) }
    } catch (error: LiteRtException) {
        throw IllegalArgumentException("${file.name} gives no characters: export it without --input core.", error)
    }
    private val inputs = listOf("image", "width").associateWith { model.createInputBuffer(it) }

    /** Reads an image; one that is higher than wide also turned, if the file says that its model reads such so. */
    fun read(image: Pixels): Reading {
        val turns = if (turnsTall && image.height > image.width) listOf(0, 1, 3) else listOf(0)
        return turns.map { readTurned(image, it) }.maxBy { (_, sureness) -> sureness }.first
    }

    /** What stands in the image after so many quarter turns counterclockwise, and how sure that is among its turns. */
    private fun readTurned(image: Pixels, turns: Int): Pair<Reading, Float> {
        val canvas = converter.convert(image.turned(turns))
        inputs.getValue("image").writeInt8(canvas.rgb) // uint8, of which Kotlin's API has none
        inputs.getValue("width").writeInt(intArrayOf(canvas.filled))
        model.run(inputs, outputs)
        val places = outputs.getValue("characters").readLong() // in the charset; -1: no character
        val confidences = outputs.getValue("confidences").readFloat()
        val there = places.indices.filter { places[it] >= 0 }
        val shown = there.joinToString("") { charset[places[it].toInt()] }
        val text = if (rightToLeft) inLogicalOrder(shown) else shown
        // Of two that are as sure, the longer text is right more often; one upright letter is higher than wide by nature.
        val count = if (there.size == 1 && turns == 0) 1 else there.size + 1
        val sureness = there.map { confidences[it] }.sum() / count
        return Reading(text, outputs.getValue("confidence").readFloat().single()) to sureness
    }

    override fun close() {
        (inputs.values + outputs.values).forEach { it.close() }
        model.close()
    }
}

/**
 * The metadata, empty if there are none: JSON in a file that is packed by zip, uncompressed, behind the network. (Not
 * read by `ZipFile`, which may ask for a file that starts as an archive.)
 */
private fun metadataOf(file: File): Map<String, String> {
    require(file.isFile) { "There is no file ${file.path}." }
    val bytes = RandomAccessFile(file, "r").use { it.channel.map(FileChannel.MapMode.READ_ONLY, 0, it.length()) }
    bytes.order(ByteOrder.LITTLE_ENDIAN)
    val end = bytes.limit() - 22 // the end of the archive's directory, which is the end of the file
    if (end < 0 || bytes.getInt(end) != 0x06054b50) return emptyMap()
    var entry = bytes.getInt(end + 16)
    repeat(bytes.getShort(end + 10).toInt()) {
        val nameLength = bytes.getShort(entry + 28)
        if (bytes.text(entry + 46, nameLength.toInt()) == "metadata.json") {
            val header = bytes.getInt(entry + 42)
            val content = header + 30 + bytes.getShort(header + 26) + bytes.getShort(header + 28)
            val json = JSONObject(bytes.text(content, bytes.getInt(entry + 24)))
            return json.keys().asSequence().associateWith { json.getString(it) }
        }
        entry += 46 + nameLength + bytes.getShort(entry + 30) + bytes.getShort(entry + 32)
    }
    return emptyMap()
}

private fun MappedByteBuffer.text(start: Int, length: Int) =
    ByteArray(length) { get(start + it) }.toString(Charsets.UTF_8)

private val RIGHT_TO_LEFT = Regex("(?![٠-٩۰-۹])[\\u0590-\\u08ff\\ufb1d-\\ufefc]") // Hebrew, Arabic, their neighbours
private val LEFT_TO_RIGHT = Regex("(?s)[A-Za-z0-9٠-٩۰-۹]+(?:[ .,:/'-][A-Za-z0-9٠-٩۰-۹]+)*|.")
private const val BRACKETS = "()[]{}<>"

/**
 * A text of a script that runs from right to left, as a picture shows it from left to right, in the order in which it
 * is spoken and typed: turned round, but for Latin words and numbers. (Unicode's UAX #9 has the whole rule.)
 */
private fun inLogicalOrder(shown: String): String {
    if (RIGHT_TO_LEFT.find(shown) == null) return shown
    return LEFT_TO_RIGHT.findAll(shown).toList().asReversed().joinToString("") {
        val bracket = BRACKETS.indexOf(it.value)
        if (bracket < 0) it.value else BRACKETS[bracket xor 1].toString()
    }
}
